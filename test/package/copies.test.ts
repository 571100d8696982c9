import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { currentNode } from "./node-versions.ts";
import { root } from "./packed.ts";

/** The adapters of one copy of the package serve the patterns of another, and patterns of both meet. */
const program = `
import { ConnectionError, OptionError } from "redis-patterns";
import { ioredis } from "redis-patterns/ioredis";
import { createLimiter, fixedWindow } from "redis-patterns/limiter";
import { createCache } from "redis-patterns/cache";
import { createSessions } from "redis-patterns/session";
import { Redis } from "ioredis";
const other = {
  ...require("./dist/index.cjs"),
  ...require("./dist/limiter.cjs"),
  ...require("./dist/cache.cjs"),
  ...require("./dist/session.cjs"),
  ...require("./dist/lock.cjs"),
};

async function main() {
  const client = new Redis({ port: Number(process.argv[2]), retryStrategy: null });
  client.on("error", () => {});
  const redis = ioredis(client);
  const algorithm = other.fixedWindow({ limit: 2, window: 60_000 });
  const theirs = other.createLimiter(redis, { prefix: "a", algorithm });
  const ours = createLimiter(redis, { prefix: "b", algorithm: fixedWindow({ limit: 2, window: 60_000 }) });
  const codeOf = (error) => [error.code, error instanceof other.OptionError];
  const seen = { copies: OptionError !== other.OptionError };
  // The first call of each script is answered by NOSCRIPT.
  seen.decided = [await theirs.limit("x"), await ours.limit("x")].map(({ degraded, remaining }) => [degraded, remaining]);
  seen.together = (await other.limitAll([{ limiter: theirs, id: "x" }, { limiter: ours, id: "x" }], { atomic: false })).allowed;
  const cache = createCache(redis, { prefix: "c", ttl: 60_000 });
  seen.many = await other.getOrSetMany(cache, ["1", "2"], (ids) => new Map(ids.map((id) => [id, id + "!"])));
  const sessions = createSessions(redis, { prefix: "s", idle: 60_000, absolute: 60_000 });
  seen.cookies = typeof other.createSessionCookies(sessions).open;
  await client.lpush("limiter:a:{list}:fixed2", "x");
  seen.mistake = await theirs.limit("list").catch(codeOf);
  const locks = other.createLock(redis, { prefix: "l", ttl: 5_000 });
  const held = await locks.acquire("1");
  seen.busy = await other.createLock(redis, { prefix: "l", ttl: 5_000 }).acquire("1", { wait: 20 }).catch(codeOf);
  await held.release();
  client.disconnect();
  seen.outage = (await theirs.limit("x")).degraded;
  seen.loaded = await other.createCache(redis, { prefix: "d", ttl: 60_000 }).getOrSet("1", () => "loaded");
  console.log(JSON.stringify(seen));
}
void main();
`;

it("recognises no error of this package by its class, of which there may be two", () => {
  const lines = globSync(`${root}src/**/*.ts`).flatMap((file) => readFileSync(file, "utf8").split("\n"));
  const own = /instanceof (?!Error\b)\w*(Error|Refusal)\b/;
  expect(own.test("if (error instanceof ReplyError)")).toBe(true);
  // What a reader is shown is meant for one copy.
  expect(lines.filter((line) => own.test(line) && !/^ *\*/.test(line))).toEqual([]);
});

describe("two copies of the package in one bundle", () => {
  const folder = mkdtempSync(join(tmpdir(), "redis-patterns-copies-"));
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  });
  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  it("understand each other's errors and objects", async () => {
    const outfile = join(folder, "program.cjs");
    await build({
      stdin: { contents: program, resolveDir: root },
      bundle: true,
      platform: "node",
      format: "cjs",
      outfile,
    });
    const printed = execFileSync(currentNode, [outfile, String(server.port)], { encoding: "utf8" });
    expect(JSON.parse(printed)).toEqual({
      copies: true,
      decided: [
        [false, 1],
        [false, 1],
      ],
      together: true,
      many: ["1!", "2!"],
      cookies: "function",
      mistake: ["WRONGTYPE", false],
      busy: ["LOCK_BUSY", false],
      outage: true,
      loaded: "loaded",
    });
  });
});
