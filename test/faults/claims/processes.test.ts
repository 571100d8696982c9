import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Redis as Client } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../../src/adapters/ioredis/ioredis.ts";
import { createLock, firstComeFirstServed } from "../../../src/core/patterns/lock/index.ts";
import { texts } from "../../../src/core/port/reply.ts";
import { serveGateway } from "../../../src/cli/serve.ts";
import type { Claims, Place } from "../../fixtures/claims/claimant.ts";
import { claimants } from "../../fixtures/claims/claimants.ts";
import { type Stay, violations } from "../../support/history.ts";
import { sized } from "../../support/long.ts";
import { type RedisServer, startRedis } from "../../support/redis-server.ts";

let server: RedisServer;
let client: Client;
const children = new Set<ChildProcess>();

beforeAll(async () => {
  server = await startRedis();
  client = new Client({ host: server.host, port: server.port });
});
afterEach(() => {
  for (const child of children) child.kill("SIGKILL");
  children.clear();
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

/** Starts a fixture and hears what it says. */
function start(fixture: string, args: readonly string[], hear: (line: string, child: ChildProcess) => void) {
  const path = fileURLToPath(new URL(`../../fixtures/${fixture}.ts`, import.meta.url));
  const child = spawn(process.execPath, ["--no-warnings", path, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  if (child.stdout) createInterface(child.stdout).on("line", (line) => hear(line, child));
  return new Promise<number | null>((resolve) => child.once("exit", resolve));
}

/** What went through the guarded resource: fences that never fall, each of one holder only. */
function guardViolations(log: readonly string[]): string[] {
  const owners = new Map<string, string>();
  let last = 0n;
  return log.flatMap((line) => {
    const [fence = "", stay = ""] = line.split(" ");
    const owner = owners.get(fence) ?? stay;
    owners.set(fence, owner);
    const fell = BigInt(fence) < last;
    last = BigInt(fence);
    return fell || owner !== stay ? [`${line} after ${last} of ${owner}`] : [];
  });
}

it("rejects a log in which a fence falls or has two holders", () => {
  expect(guardViolations(["5 a#0 in", "5 a#0 out", "6 b#0 in"])).toEqual([]);
  expect(guardViolations(["6 b#0 in", "5 a#0 out"])).toHaveLength(1);
  expect(guardViolations(["5 a#0 in", "5 b#0 in"])).toHaveLength(1);
});

const [contenders, rounds] = sized([25, 2], [10, 1]);

describe(`${8 * contenders} contenders in 8 processes, over TCP and REST, some of them killed and stopped`, () => {
  it("never has two holders, and the resource accepts no older fence", { timeout: 300_000 }, async () => {
    const gateway = await serveGateway(ioredis(client), { tokens: ["token-of-the-chaos"] });
    const stays: Stay[] = [];
    const seen = { in: 0, lost: 0, refused: 0, done: 0 };
    /** Each victim once, as soon as it is inside. */
    const fate: Record<string, (child: ChildProcess) => void> = {
      "tcp 0": (child) => child.kill("SIGKILL"),
      "rest 0": (child) => child.kill("SIGKILL"),
      "tcp 1": stopFor(900),
      "rest 1": stopFor(900),
    };
    const entered = new Map<string, number>();
    const hear = (who: string) => (line: string, child: ChildProcess) => {
      const said = JSON.parse(line);
      if (said.in) {
        seen.in += 1;
        entered.set(who, (entered.get(who) ?? 0) + 1);
        if (entered.get(who) === 5) fate[who]?.(child);
      }
      if (said.refused) seen.refused += 1;
      if (said.done) seen.done += 1;
      if (said.stay && said.lost) seen.lost += 1;
      if (said.stay && !said.lost) stays.push(said.stay);
    };
    const names = [0, 1, 2, 3].flatMap((i) => [`tcp ${i}`, `rest ${i}`]);
    const exits = names.map((who) => {
      const address = who.startsWith("tcp") ? `redis://${server.host}:${server.port}` : gateway.url;
      return start("lock-contender", [address, who.replace(" ", "-"), String(contenders), String(rounds)], hear(who));
    });
    expect((await Promise.all(exits)).filter((code) => code === 0)).toHaveLength(6);
    await gateway.close(0);
    expect(seen.done).toBe(6);
    expect(stays.length + seen.lost).toBeGreaterThanOrEqual(6 * contenders * rounds);
    expect(violations(stays)).toEqual([]);
    expect(guardViolations(texts((await client.lrange("chaos:{resource}:log", 0, -1)) ?? []))).toEqual([]);
  });
});

function stopFor(ms: number): (child: ChildProcess) => void {
  return (child) => {
    child.kill("SIGSTOP");
    setTimeout(() => child.kill("SIGCONT"), ms);
  };
}

describe("what a killed process had is free after its bound:", () => {
  const bound = 4_000;
  const mortal = claimants.filter(({ spends }) => !spends);
  const there = new Map<string, Claims>();
  const taken = new Map<string, number>();

  beforeAll(async () => {
    const redis = ioredis(client, { timeout: 10_000 });
    const places = mortal.map(({ name }, i): [string, Place] => [
      name,
      { prefix: `killed:${i}`, bound, secret: "", renewed: true },
    ]);
    for (const [i, claimant] of mortal.entries())
      there.set(claimant.name, claimant.open(redis, places[i]?.[1] ?? { prefix: "none", bound, secret: "" }));
    await new Promise<void>((resolve) => {
      const address = `redis://${server.host}:${server.port}`;
      void start("claim-holder", [address, JSON.stringify(places)], (line, child) => {
        if (line !== "held") return;
        // All at once, while it lives: what is not renewed is as old as the first of them.
        void Promise.all([...there].map(async ([name, claims]) => taken.set(name, await claims.countTaken()))).then(
          () => {
            child.kill("SIGKILL");
            resolve();
          },
        );
      });
    });
  }, 30_000);

  it.each(mortal.map(({ name }) => name))("%s", async (name) => {
    expect(taken.get(name)).toBe(1);
    const claims = there.get(name);
    if (!claims) throw new Error("It was not made");
    const next = claims.wait ?? claims.claim;
    if (!claims.wait) await expect.poll(() => claims.countTaken(), { timeout: 20_000, interval: 20 }).toBe(0);
    const claim = await next();
    expect(await claims.countTaken()).toBe(1);
    expect(await claim.release?.()).toBe(true);
  });
});

it("a place in the line that a killed process had passes on after its patience", async () => {
  const order = firstComeFirstServed({ patience: 600 });
  const locks = createLock(ioredis(client), { ttl: 60_000, wait: 20_000, prefix: "line", order });
  const first = await locks.acquire("a");
  await new Promise<void>((resolve) => {
    void start("lock-waiter", [`redis://${server.host}:${server.port}`], (line, child) => {
      if (line !== "waits") return;
      child.kill("SIGKILL");
      resolve();
    });
  });
  const next = locks.acquire("a");
  await first.release();
  expect(await (await next).release()).toBe(true);
});
