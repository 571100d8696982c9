import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineDecision } from "../../src/core/patterns/limiter/scripts/decision.lua.ts";
import { once } from "../../src/core/script/change.lua.ts";
import { composeScript } from "../../src/core/patterns/limiter/scripts/limit-all.lua.ts";
import { hasLua, modules, pairs, scripts as named } from "../fixtures/every-script.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

/** The locals that the definition declares but the script never reads. */
function unusedNames(lua: string): string[] {
  const header = [...lua.matchAll(/^local (\w+)=(?:KEYS|ARGV|\{unpack)/gm)].map(([, name = ""]) => name);
  return header.filter((name) => (lua.match(new RegExp(`\\b${name}\\b`, "g")) ?? []).length < 2);
}

describe("every script", () => {
  let server: RedisServer;
  let client: Redis;
  beforeAll(async () => {
    server = await startRedis();
    client = new Redis({ port: server.port, host: server.host });
  });
  afterAll(async () => {
    client.disconnect();
    await server.stop();
  });

  it("is found", () => {
    expect(modules.length).toBeGreaterThan(8);
    expect(pairs.length).toBe(25);
    const makesLua = (value: unknown) => value === composeScript || value === defineDecision || value === once;
    const isLua = (value: unknown) => hasLua(value) || typeof value === "string" || makesLua(value);
    for (const { file, exports } of modules) {
      expect(
        exports.some(([, value]) => isLua(value)),
        file,
      ).toBe(true);
    }
  });

  it.each(named)("compiles on the server: $name", async ({ lua }) => {
    expect(await client.script("LOAD", lua)).toMatch(/^[0-9a-f]{40}$/);
  });

  it.each(named)("uses every name that it declares: $name", ({ lua }) => {
    expect(unusedNames(lua)).toEqual([]);
  });

  it("would be caught with a name that it never reads", () => {
    expect(unusedNames("local lock=KEYS[1]\nlocal token=ARGV[1]\nreturn token")).toEqual(["lock"]);
  });
});
