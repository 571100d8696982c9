import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Redis as Client } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../../src/adapters/ioredis/ioredis.ts";
import { createIdempotency } from "../../../src/core/patterns/idempotency/index.ts";
import {
  createElection,
  createLock,
  createManyLocks,
  createQuorumLock,
  createReadWriteLock,
  createSemaphore,
  firstComeFirstServed,
} from "../../../src/core/patterns/lock/index.ts";
import { texts } from "../../../src/core/port/reply.ts";
import { serveGateway } from "../../../src/cli/serve.ts";
import { type Stay, violations } from "../../support/history.ts";
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

describe("200 contenders in 8 processes, over TCP and REST, some of them killed and stopped", () => {
  it("never has two holders, and the resource accepts no older fence", { timeout: 120_000 }, async () => {
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
      return start("lock-contender", [address, who.replace(" ", "-"), "25", "2"], hear(who));
    });
    expect((await Promise.all(exits)).filter((code) => code === 0)).toHaveLength(6);
    await gateway.close(0);
    expect(seen.done).toBe(6);
    expect(stays.length + seen.lost).toBeGreaterThanOrEqual(6 * 25 * 2);
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

describe("what a killed process held passes on after its ttl:", () => {
  const ttl = 600;

  /** Starts the holder, kills it once it holds, and measures how long `take` has to wait. */
  async function takenOver(kind: string, take: () => Promise<unknown>): Promise<number> {
    const address = `redis://${server.host}:${server.port}`;
    await new Promise<void>((resolve) => {
      void start("lock-holder", [address, kind], (line, child) => {
        if (line !== "held") return;
        child.kill("SIGKILL");
        resolve();
      });
    });
    const begun = performance.now();
    await take();
    return performance.now() - begun;
  }

  const redis = () => ioredis(client);
  const options = (kind: string) => ({ ttl, wait: 5_000, prefix: kind });

  it.each<[string, () => Promise<unknown>]>([
    ["lock", () => createLock(redis(), options("lock")).acquire("a")],
    ["many locks", () => createManyLocks(redis(), options("many locks")).acquireAll(["a", "b"])],
    ["quorum lock", () => createQuorumLock([redis()], options("quorum lock")).acquire("a")],
    [
      "lock in order of arrival",
      () => createLock(redis(), { ...options("lock in order of arrival"), order: firstComeFirstServed() }).acquire("a"),
    ],
    ["semaphore", () => createSemaphore(redis(), { ...options("semaphore"), limit: 1 }).acquire("a")],
    ["read", () => createReadWriteLock(redis(), options("read")).write.acquire("a")],
    ["write", () => createReadWriteLock(redis(), options("write")).read.acquire("a")],
    [
      "idempotent run",
      () => createIdempotency(redis(), { ttl: 60_000, lease: ttl, prefix: "idempotent run" })("a", () => {}),
    ],
    ["election", () => createElection(redis(), { name: "a", ttl, prefix: "election" }).campaign(() => {})],
  ])("%s", async (kind, take) => {
    const waited = await takenOver(kind, take);
    expect(waited).toBeGreaterThan(ttl / 4);
    expect(waited).toBeLessThan(ttl + 4_000);
  });

  it("a place in the line", async () => {
    const order = firstComeFirstServed({ patience: 600 });
    const locks = createLock(redis(), { ttl: 10_000, wait: 5_000, prefix: "line", order });
    const first = await locks.acquire("a");
    const waited = await takenOver("line", async () => {
      const next = locks.acquire("a");
      await first.release();
      await (await next).release();
    });
    expect(waited).toBeLessThan(4_500);
  });
});
