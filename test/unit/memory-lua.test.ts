import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import { memory } from "../../src/adapters/memory/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { others, snippets } from "../fixtures/lua-snippets.ts";
import { openRealRedis } from "../fixtures/real-redis.ts";
import { long } from "../support/long.ts";

const real = openRealRedis();

function open() {
  const redis = memory({ timeout: 60_000 });
  onTestFinished(redis.close);
  return redis;
}

function evaluate(redis: Redis, script: string, ...args: (string | number)[]): Promise<unknown> {
  const command = ["EVAL", script, 0, ...args] as const;
  return redis.send(command, { bytes: true }).catch((error: Error) => error.message);
}

describe("a script of the embedded engine", () => {
  const shared = memory({ timeout: 60_000 });
  afterAll(shared.close);

  /** An engine for one script: of its own in `npm run test:long`; in `npm test` it has run the scripts before, too. */
  async function openEmpty(): Promise<Redis> {
    const other = long ? open() : shared;
    for (const redis of [real(), other]) await redis.send(["FLUSHALL"]);
    return other;
  }

  it.each(snippets)("answers what Redis answers: %j", async (script) => {
    const other = await openEmpty();
    expect(await evaluate(other, script)).toEqual(await evaluate(real(), script));
    // The one after it finds everything as it was.
    expect(await evaluate(other, "return string.format('%d', 2^40) .. tostring(rawget(_G, 'leaked'))")).toBe(
      "1099511627776nil",
    );
  });

  it.each(others)("answers otherwise: %j, since %s", async (script) => {
    const other = await openEmpty();
    for (const redis of [real(), other]) await redis.send(["SET", "text", "x"]);
    expect(await evaluate(other, script)).not.toEqual(await evaluate(real(), script));
  });

  it("may run for a while, and not for ever", async () => {
    const redis = open();
    expect(await evaluate(redis, "local n = 0 for i = 1, 2e7 do n = n + 1 end return n")).toBe(20_000_000);
  });

  it("may read and answer much", async () => {
    const redis = open();
    const size = 5 * 1024 * 1024;
    expect(String(await evaluate(redis, "return string.rep('x', tonumber(ARGV[1]))", size)).length).toBe(size);
    expect(await evaluate(redis, "return #ARGV[1]", "x".repeat(size))).toBe(size);
    const keys = Array.from({ length: 5_000 }, (_, i) => `k${i}`);
    await redis.pipeline(keys.map((key) => ["SET", key, "v"] as const));
    expect(await redis.send(["EVAL", "return #redis.call('MGET', unpack(KEYS))", keys.length, ...keys])).toBe(5_000);
    expect(await evaluate(redis, "return #redis.call('KEYS', '*')")).toBe(5_000);
  });

  it("fails alone where it takes too much memory, or calls itself for ever", async () => {
    const redis = open();
    expect(await evaluate(redis, "local function f() return 1 + f() end return f()")).toContain("stack overflow");
    expect(await evaluate(redis, "local s = 'x' for i = 1, 40 do s = s .. s end return #s")).toMatch(/^ERR /);
    expect(await evaluate(redis, "return 1")).toBe(1);
  }, 60_000);

  it("runs beside those of other engines", async () => {
    const engines = Array.from({ length: 4 }, open);
    const script = "redis.call('SET', 'k', ARGV[1]) return redis.call('GET', 'k')";
    const answers = await Promise.all(engines.map((engine, i) => evaluate(engine, script, i)));
    expect(answers).toEqual(["0", "1", "2", "3"]);
  });
});
