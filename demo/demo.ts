import { Redis } from "ioredis";
import { ioredis } from "../src/adapters/ioredis/index.ts";
import { serveGateway } from "../src/cli/serve.ts";
import { asking, cacheClaim, type Claim, type Cost, limiterClaim, lockClaim, sessionClaim } from "./claims.ts";
import { openRedis } from "./redis.ts";
import { structureClaims } from "./structure-claims.ts";
import { type Runtime, startLambda, startNode, startWorker } from "./runtimes.ts";

/** Runs one application in a Worker, a Lambda function and a Node server on one Redis, and checks what it promises. */
async function main(): Promise<boolean> {
  const { url, description, close } = await openRedis();
  const client = new Redis(url);
  const token = crypto.randomUUID();
  const gateway = await serveGateway(ioredis(client), { tokens: [token], port: 0 });
  const runtimes: [Runtime, Runtime, Runtime] = [
    await startWorker(gateway.url, token),
    await startLambda(url),
    await startNode(url),
  ];
  try {
    console.log(`Redis: ${description}, gateway at ${gateway.url}`);
    console.log(`One application in ${runtimes.map(({ name, transport }) => `${name} (${transport})`).join(", ")}\n`);
    return await check(runtimes, client);
  } finally {
    for (const runtime of runtimes) await runtime.close();
    await gateway.close();
    client.disconnect();
    await close();
  }
}

async function check(runtimes: readonly [Runtime, Runtime, Runtime], client: Redis): Promise<boolean> {
  await warmUp(runtimes);
  const run = crypto.randomUUID().slice(0, 8);
  const ask = asking(run);
  const claims = [
    await cacheClaim(ask, runtimes, async () => Number(await client.get(`demo:${run}:computed`))),
    await limiterClaim(ask, runtimes),
    await lockClaim(ask, runtimes),
    await sessionClaim(ask, runtimes),
    ...(await structureClaims(ask, runtimes)),
  ];
  printCosts(ask.costs());
  printClaims(claims);
  return claims.every(({ holds }) => holds);
}

/** The first call of a script that a server ever sees costs one trip more; the table shows what every later call costs. */
async function warmUp([worker, lambda, node]: readonly [Runtime, Runtime, Runtime]): Promise<void> {
  const ask = asking("warm-up");
  for (const runtime of [node, lambda, worker]) {
    await limiterClaim(ask, [runtime]);
    await lockClaim(ask, [runtime]);
    await cacheClaim(ask, [runtime], async () => 1);
    await sessionClaim(ask, [runtime, runtime, runtime]);
    await structureClaims(ask, [runtime, runtime, runtime]);
  }
}

function printCosts(costs: readonly Cost[]): void {
  console.log(row("route", "runtime", "calls", "trips/call", "ms/call"));
  for (const { route, runtime, calls, trips, duration } of costs) {
    console.log(row(route, runtime, String(calls), trips.toFixed(1), duration.toFixed(1)));
  }
  console.log();
}

function row(route: string, runtime: string, ...figures: readonly string[]): string {
  return route.padEnd(10) + runtime.padEnd(8) + figures.map((figure) => figure.padStart(12)).join("");
}

function printClaims(claims: readonly Claim[]): void {
  for (const { claim, seen, holds } of claims) console.log(`${holds ? "holds " : "BROKEN"}  ${claim}: ${seen}`);
}

process.exitCode = (await main()) ? 0 : 1;
