import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

const core = join(import.meta.dirname, "../../src/core");
const files = readdirSync(core, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".lua.ts"));
const scripts = await Promise.all(
  files.map(async (file) => ({ file, exports: Object.entries(await import(join(core, file))) })),
);
const named = scripts.flatMap(({ file, exports }) =>
  exports
    .filter(([, value]) => hasLua(value))
    .map(([name, value]) => ({ name: `${file}: ${name}`, lua: hasLua(value) ? value.lua : "" })),
);

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
    for (const { file, exports } of scripts)
      expect(
        exports.some(([, value]) => hasLua(value)),
        file,
      ).toBe(true);
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
