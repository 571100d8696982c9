import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .map((file) => `src/${file.replaceAll("\\", "/")}`)
  .filter((file) => file.endsWith(".ts"));
const code = new Map(sources.map((file) => [file, readFileSync(join(root, file), "utf8")]));

/** How many files a folder may hold before it hides what it is about. */
const most = 15;

/** The factories of the patterns: above the hall and what it needs, below what is built on the factory. */
const factories: Readonly<Record<string, string>> = {
  bloom: "bloom-filter.ts",
  cache: "cache.ts",
  feed: "feeds.ts",
  counter: "counters.ts",
  idempotency: "idempotency.ts",
  leaderboard: "leaderboard.ts",
  limiter: "limiter.ts",
  lock: "lock.ts",
  presence: "presence.ts",
  pubsub: "channels.ts",
  record: "records.ts",
  session: "sessions.ts",
  token: "tokens.ts",
  uniques: "uniques.ts",
};

/** The storeys of a pattern, from the bottom up. A file imports its own storey and those below it. */
const storeys = {
  format: 0,
  hall: 1,
  "wing below the factory": 2,
  factory: 3,
  "wing above the factory": 4,
  operations: 5,
  http: 6,
  entry: 7,
} as const;

type Storey = keyof typeof storeys;

const wings: Readonly<Record<string, Storey>> = {
  scripts: "format",
  format: "format",
  load: "wing below the factory",
  algorithms: "wing below the factory",
  deliveries: "wing below the factory",
  local: "wing above the factory",
  kinds: "wing above the factory",
  operations: "operations",
  http: "http",
};

/** The storey of a file such as `src/core/patterns/lock/kinds/semaphore.ts`. */
function storeyOf(file: string): Storey {
  const [pattern = "", inside = "", nested] = file.split("/").slice(3);
  if (nested !== undefined) return wings[inside] ?? "entry";
  if (inside === "errors.ts" || inside === "format.ts") return "format";
  if (inside === "index.ts") return "entry";
  return inside === factories[pattern] ? "factory" : "hall";
}

/** The files of its own pattern that a file imports, for values or types. */
function importsOf(file: string, text: string): string[] {
  const pattern = file.split("/").slice(0, 4).join("/");
  return [...text.matchAll(/from "(\.[^"]+)"/g)]
    .map(([, from = ""]) => posix.normalize(posix.join(dirname(file), from)))
    .filter((target) => target.startsWith(`${pattern}/`));
}

/** Imports that point upwards inside a pattern. */
function upwards(file: string, text: string): string[] {
  const here = storeyOf(file);
  return importsOf(file, text)
    .filter((target) => storeys[storeyOf(target)] > storeys[here])
    .map((target) => `${file} (${here}) imports ${target} (${storeyOf(target)})`);
}

/** Lua that is written outside the places for it. */
function strayLua(file: string, text: string): boolean {
  const commands = text.replaceAll(/^\s*(\/\/|\*|\/\*).*$/gm, "");
  const isScript = file.endsWith(".lua.ts") || file === "src/core/script/define-script.ts";
  return !isScript && /\bredis\.p?call\(|\bdefineScript\(/.test(commands);
}

const patterns = [...new Set(sources.flatMap((file) => /^src\/core\/patterns\/([^/]+)\//.exec(file)?.[1] ?? []))];
const inPatterns = sources.filter((file) => file.startsWith("src/core/patterns/"));

describe("the house", () => {
  it(`has at most ${most} files in a folder`, () => {
    const filesIn = (folder: string) => sources.filter((file) => dirname(file) === folder).length;
    const folders = [...new Set(sources.map((file) => dirname(file)))];
    expect(folders.filter((folder) => filesIn(folder) > most)).toEqual([]);
  });

  it("gives every pattern an entry and a factory", () => {
    expect(patterns.toSorted()).toEqual(Object.keys(factories).toSorted());
    for (const [name, factory] of Object.entries(factories)) {
      expect(code.has(`src/core/patterns/${name}/index.ts`), name).toBe(true);
      expect(code.has(`src/core/patterns/${name}/${factory}`), name).toBe(true);
    }
  });

  it("has a storey for every folder of a pattern", () => {
    const folders = new Set(
      inPatterns.map((file) => file.split("/").slice(4)).flatMap((at) => (at.length > 1 ? [at[0]] : [])),
    );
    expect([...folders].filter((folder = "") => !(folder in wings))).toEqual([]);
    expect(inPatterns.filter((file) => file.split("/").length > 6)).toEqual([]);
  });

  it("lets nothing in a pattern import what stands above it", () => {
    expect(inPatterns.flatMap((file) => upwards(file, code.get(file) ?? ""))).toEqual([]);
  });

  it("would notice an import that points upwards", () => {
    const file = "src/core/patterns/lock/lease.ts";
    expect(upwards(file, 'import { createLock } from "./lock.ts";')).toHaveLength(1);
    expect(upwards(file, 'import type { Semaphore } from "./kinds/semaphore.ts";')).toHaveLength(1);
    expect(
      upwards(file, 'import { release } from "./scripts/release.lua.ts";\nimport { x } from "../../keys.ts";'),
    ).toEqual([]);
  });

  it("writes Lua in *.lua.ts alone", () => {
    expect(sources.filter((file) => strayLua(file, code.get(file) ?? ""))).toEqual([]);
    expect(strayLua("src/core/port/ping.ts", 'const probe = `redis.call("TIME")`;')).toBe(true);
    expect(strayLua("src/core/port/ping.ts", "const script = defineScript({});")).toBe(true);
  });

  it("publishes in scripts by the fragment alone, which no refusal of news fails", () => {
    const publishing = sources.filter((file) => /call\("PUBLISH"/.test(code.get(file) ?? ""));
    // A ping tells of a refusal instead.
    expect(publishing).toEqual(["src/core/port/ping.lua.ts", "src/core/script/fragments.lua.ts"]);
  });

  it("keeps *.lua.ts in the folders for it", () => {
    const places = /^src\/(core\/(script|port|log|patterns\/[a-z-]+\/scripts)|adapters\/memory\/repairs)$/;
    const scripts = sources.filter((file) => file.endsWith(".lua.ts"));
    expect(scripts.filter((file) => !places.test(dirname(file)))).toEqual([]);
    expect(sources.filter((file) => dirname(file).endsWith("/scripts") && !basename(file).endsWith(".lua.ts"))).toEqual(
      [],
    );
  });
});
