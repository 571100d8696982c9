import { Redis } from "ioredis";
import { ioredis, ioredisSubscriber } from "../src/adapters/ioredis/index.ts";
import { serveGateway } from "../src/cli/serve.ts";
import { asking, cacheClaim, type Claim, type Cost, limiterClaim, lockClaim, sessionClaim } from "./claims.ts";
import { openRedis } from "./redis.ts";
import { roomClaims } from "./room-claims.ts";
import { structureClaims } from "./structure-claims.ts";
import { type Runtimes, startLambda, startNode, startWorker } from "./runtimes.ts";

/** Runs one application in a Worker, a Lambda function and a Node server on one Redis, and checks what it promises. */
async function main(): Promise<boolean> {
  const { url, description, close } = await openRedis();
  const client = new Redis(url);
  const token = crypto.randomUUID();
  const listener = client.duplicate();
  const subscriber = ioredisSubscriber(listener);
  const gateway = await serveGateway(ioredis(client), { tokens: [token], port: 0, subscriber });
  const runtimes: Runtimes = [await startWorker(gateway.url, token), await startLambda(url), await startNode(url)];
  try {
    console.log(`Redis: ${description}, gateway at ${gateway.url}`);
    console.log(`One application in ${runtimes.map(({ name, transport }) => `${name} (${transport})`).join(", ")}\n`);
    return await check(runtimes, client);
  } finally {
    for (const runtime of runtimes) await runtime.close();
    await gateway.close();
    client.disconnect();
    listener.disconnect();
    await close();
  }
}

async function check(runtimes: Runtimes, client: Redis): Promise<boolean> {
  await warmUp(runtimes);
  const run = crypto.randomUUID().slice(0, 8);
  const ask = asking(run);
  const claims = [
    await cacheClaim(ask, runtimes, async () => Number(await client.get(`demo:${run}:computed`))),
    await limiterClaim(ask, runtimes),
    await lockClaim(ask, runtimes),
    await sessionClaim(ask, runtimes),
    ...(await structureClaims(ask, runtimes)),
    ...(await roomClaims(ask, runtimes)),
  ];
  printCosts(ask.costs());
  printClaims(claims);
  return claims.every(({ holds }) => holds);
}

/** The first call of a script that a server ever sees costs one trip more; the table shows what every later call costs. */
async function warmUp(runtimes: Runtimes): Promise<void> {
  const [worker, lambda, node] = runtimes;
  const ask = asking("warm-up");
  await roomClaims(ask, runtimes);
  for (const runtime of [node, lambda, worker]) {
    await limiterClaim(ask, [runtime]);
    await lockClaim(ask, [runtime]);
    await cacheClaim(ask, [runtime], async () => 1);
    await sessionClaim(ask, [runtime, runtime, runtime]);
    await structureClaims(ask, [runtime, runtime, runtime]);
  }
}

/** A line for each route: how many trips to Redis one call makes, and how long they take together. */
function printCosts(costs: readonly Cost[]): void {
  const runtimes = [...new Set(costs.map(({ runtime }) => runtime))];
  console.log(row("", runtimes));
  console.log(
    row(
      "route",
      runtimes.map(() => "trips    ms"),
    ),
  );
  for (const route of new Set(costs.map((cost) => cost.route))) {
    const cells = runtimes.map((runtime) => {
      const cost = costs.find((one) => one.route === route && one.runtime === runtime);
      return cost ? `${cost.trips.toFixed(1)}${cost.duration.toFixed(1).padStart(6)}` : "";
    });
    console.log(row(route, cells));
  }
  console.log();
}

function row(route: string, cells: readonly string[]): string {
  return route.padEnd(10) + cells.map((cell) => cell.padStart(15)).join("");
}

function printClaims(claims: readonly Claim[]): void {
  for (const { claim, seen, holds } of claims) console.log(`${holds ? "holds " : "BROKEN"}  ${claim}: ${seen}`);
}

process.exitCode = (await main()) ? 0 : 1;
