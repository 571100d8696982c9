import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { entries, entryNames, manifest } from "../../scripts/entries.ts";
import { root } from "./packed.ts";

const dist = readdirSync(join(root, "dist"));
const built = (file: string) => readFileSync(join(root, "dist", file), "utf8");
const code = (file: string) => built(file).replace(/\/\*\*[\s\S]*?\*\//g, "");

/** What these files and all that they lead to import from elsewhere. */
function foreignImports(starts: readonly string[]): readonly string[] {
  const files = new Set(starts);
  const foreign = new Set<string>();
  for (const file of files) {
    for (const [, from = ""] of code(file).matchAll(/\b(?:from|import|require)\s*\(?\s*["']([\w@.:/-]+)["']/g)) {
      if (from.startsWith("./")) files.add(typesOf(file, from.slice(2)));
      else foreign.add(from);
    }
  }
  return [...foreign];
}

/** Types name the code that they are for. */
function typesOf(file: string, from: string): string {
  return /\.d\.c?ts$/.test(file) ? from.replace(/\.(c?)js$/, ".d.$1ts") : from;
}

/** The files of the tarball, as npm lists them. */
function packed(): string[] {
  const { stdout } = spawnSync("npm", ["pack", "--dry-run", "--ignore-scripts", "--json"], {
    cwd: root,
    encoding: "utf8",
  });
  const report: unknown = JSON.parse(stdout);
  const [list] = Object.values(report as Record<string, { files: { path: string }[] }>);
  return (list?.files ?? []).map(({ path }) => path);
}

describe("the published package", () => {
  it("has each entry as an ES module for import and Node's require, as CommonJS for other loaders, and its types", () => {
    for (const name of entryNames) {
      const subpath = name === "index" ? "." : `./${name}`;
      expect(manifest.exports[subpath], subpath).toEqual({
        // Workers get its machine code as a module.
        ...(name === "memory" && { workerd: "./dist/memory.workerd.js" }),
        require: { "module-sync": `./dist/${name}.js`, default: `./dist/${name}.cjs` },
        default: `./dist/${name}.js`,
      });
      expect(dist).toEqual(expect.arrayContaining(["js", "cjs", "d.ts", "d.cts"].map((end) => `${name}.${end}`)));
    }
  });

  it("exports every pattern and adapter that has an index.ts", () => {
    const inFolder = (folder: string) => readdirSync(join(root, folder), { recursive: true, encoding: "utf8" });
    const indexes = ["core", "adapters", "gateway", "testing"].flatMap((folder) =>
      inFolder(`src/${folder}`)
        .filter((file) => /(^|\/)index\.ts$/.test(file))
        .map((file) => `src/${folder}/${file}`),
    );
    expect([...indexes, "src/index.ts"].toSorted()).toEqual(Object.values(entries).toSorted());
  });

  it("packs what was built and the papers, and nothing else", () => {
    const files = packed();
    expect(files).toEqual(expect.arrayContaining(["LICENSE", "README.md", "CHANGELOG.md", "package.json"]));
    expect(files).toEqual(expect.arrayContaining(dist.map((file) => `dist/${file}`)));
    expect(files.filter((file) => !/^(dist|docs)\/|^[A-Z]+(\.md)?$|^package\.json$/.test(file))).toEqual([]);
  });

  it("imports no package and no node: module in what runs on every platform", () => {
    const starts = entryNames.filter((name) => name !== "memory");
    const files = starts.flatMap((name) => [`${name}.js`, `${name}.cjs`, `${name}.d.ts`, `${name}.d.cts`]);
    expect(foreignImports(files)).toEqual([]);
    expect(foreignImports(["memory.js"]), "what would be noticed").toContain("node:net");
  });

  it("is as small as the README says", () => {
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const budgets = manifest["size-limit"].map(({ name, limit }) => [name, limit]);
    const rows = [...readme.matchAll(/^\| ([^|]+?) +\| ([\d.]+ k?B) +\|$/gm)].map(([, name, limit]) => [name, limit]);
    expect(rows).toEqual(budgets);
  });

  it("lets a bundler drop whatever is not used", async () => {
    const { outputFiles } = await build({
      stdin: { contents: 'export { OptionError } from "redis-patterns";', resolveDir: root },
      bundle: true,
      minify: true,
      format: "esm",
      write: false,
    });
    const classes = outputFiles[0]?.text ?? "";
    expect(classes).toContain("OPTION");
    expect(classes.length).toBeLessThan(400);
  });
});
