import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Redis as Client } from "ioredis";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { sized } from "../support/long.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

const count = sized(10_000, 1_000);
const fixture = fileURLToPath(new URL("../fixtures/feed-fan-out.ts", import.meta.url));
const children = new Set<ChildProcess>();
let server: RedisServer;
let client: Client;

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

/** Runs the process to its end, or until it kills itself in the batch after so many. Gives what it said. */
async function run(from: number, killAt: number | "none") {
  const args = [`redis://${server.host}:${server.port}`, count, from, killAt].map(String);
  const child = spawn(process.execPath, ["--no-warnings", fixture, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  children.add(child);
  const said: string[] = [];
  createInterface(child.stdout).on("line", (line) => void said.push(line));
  await once(child, "close");
  return { last: said.at(-1), signal: child.signalCode };
}

/** How many feeds have how many items. */
async function lengths(): Promise<Record<number, number>> {
  const pipeline = client.pipeline();
  for (let n = 0; n < count; n += 1) pipeline.xlen(`feed:followers:{follower ${n}}:items`);
  const counts: Record<number, number> = {};
  for (const [, length] of (await pipeline.exec()) ?? []) counts[Number(length)] = (counts[Number(length)] ?? 0) + 1;
  return counts;
}

it("goes on where it was, or begins anew, after its process was killed half-way, and every feed has the event once", async () => {
  const half = count / 2;
  expect(await run(0, half)).toEqual({ last: `${half}`, signal: "SIGKILL" });
  const before = await lengths();
  expect(before[1]).toBeGreaterThanOrEqual(half);
  expect(before[0]).toBeGreaterThan(0);
  expect((await run(half, "none")).last).toBe(`done ${count} ${half}`);
  expect(await lengths()).toEqual({ 1: count });
  expect((await run(0, "none")).last).toBe(`done ${count} ${count}`);
  expect(await lengths()).toEqual({ 1: count });
});
