import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { defineDecision } from "../../src/core/patterns/limiter/scripts/decision.lua.ts";
import { composeScript } from "../../src/core/patterns/limiter/scripts/limit-all.lua.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

const core = join(import.meta.dirname, "../../src/core");
const files = readdirSync(core, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".lua.ts"));
const scripts = await Promise.all(
  files.map(async (file) => ({ file, exports: Object.entries(await import(join(core, file))) })),
);
const all = scripts.flatMap(({ file, exports }) =>
  exports.flatMap(([name, value]) => (hasLua(value) ? { name: `${file}: ${name}`, script: value } : [])),
);
const pairs = all
  .filter(({ script }) => plansOf(script).length > 0)
  .flatMap((one, _, plans) => plans.map((other) => [one, other] as const));
const named = [
  ...all.map(({ name, script }) => ({ name, lua: script.lua })),
  ...pairs.map(([one, other]) => ({
    name: `limit-all, ${one.name} and ${other.name}`,
    lua: composeScript([...plansOf(one.script), ...plansOf(other.script)]).lua,
  })),
];

/** The plan of a limiter's algorithm, which the script of several limits is put together from. */
function plansOf(script: object): string[] {
  return "plan" in script && typeof script.plan === "string" ? [script.plan] : [];
}

function hasLua(value: unknown): value is { readonly lua: string } {
  return typeof value === "function" && "lua" in value && typeof value.lua === "string";
}

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
    expect(scripts.length).toBeGreaterThan(8);
    expect(pairs.length).toBe(25);
    const makesLua = (value: unknown) => value === composeScript || value === defineDecision;
    const isLua = (value: unknown) => hasLua(value) || typeof value === "string" || makesLua(value);
    for (const { file, exports } of scripts) {
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
