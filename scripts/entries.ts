import { existsSync, globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

/** What package.json promises to its users. */
export interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | object>>;
  readonly bin: Readonly<Record<string, string>>;
  readonly "size-limit": readonly { readonly name: string; readonly limit: string }[];
}

export const manifest: Manifest = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

/** The names of the public entries as their built files have them: `index`, `lock`, `rest`. */
export const entryNames: readonly string[] = Object.keys(manifest.exports)
  .filter((subpath) => subpath !== "./package.json")
  .map((subpath) => (subpath === "." ? "index" : subpath.slice(2)));

/** The source of each public entry: `{ lock: "src/core/patterns/lock/index.ts" }`. */
export const entries: Record<string, string> = Object.fromEntries(entryNames.map((name) => [name, sourceOf(name)]));

/** What is imported only when it is needed stays a file of its own by that. */
const later = ["src/adapters/memory/engine.ts"];

/**
 * Every other module, as `internal/...`. As an entry of its own it stays a file of its own, which a bundler can leave out whole; else
 * the build would merge modules that are used together.
 */
export const internals: Record<string, string> = Object.fromEntries(
  globSync("src/{core,adapters,gateway,testing}/**/*.ts", { cwd: root })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => !Object.values(entries).includes(file) && !later.includes(file))
    .map((file) => [file.replace(/^src\//, "internal/").replace(/\.ts$/, ""), file]),
);

function sourceOf(name: string): string {
  const places =
    name === "index"
      ? ["src"]
      : [`src/core/patterns/${name}`, `src/core/${name}`, `src/adapters/${name}`, `src/${name}`];
  const source = places.map((place) => `${place}/index.ts`).find((path) => existsSync(root + path));
  if (source === undefined) throw new Error(`package.json exports "${name}", which has no index.ts under src`);
  return source;
}
