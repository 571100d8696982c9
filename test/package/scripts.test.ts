import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { pureScripts, stripLua } from "../../scripts/pure-scripts.ts";
import { root } from "./packed.ts";

const files = globSync("src/core/**/*.lua.ts", { cwd: root });

/** Everything that the files of scripts export, as the build makes it or, without the plugin, as it is written. */
async function load(plugins: (typeof pureScripts)[]): Promise<Map<string, string>> {
  const folder = mkdtempSync(join(tmpdir(), "redis-patterns-scripts-"));
  const outfile = join(folder, "scripts.mjs");
  try {
    const contents = files.map((file, i) => `export * as s${i} from ${JSON.stringify(join(root, file))};`).join("\n");
    await build({ stdin: { contents, resolveDir: root }, bundle: true, format: "esm", outfile, plugins });
    const modules: Record<string, Record<string, unknown>> = await import(pathToFileURL(outfile).href);
    return new Map(
      Object.entries(modules).flatMap(([module, exports]) => luaOf(`${files[Number(module.slice(1))]}`, exports)),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function luaOf(file: string, exports: Record<string, unknown>): [string, string][] {
  return Object.entries(exports).flatMap(([name, value]): [string, string][] => {
    const lua = typeof value === "function" && "lua" in value ? value.lua : value;
    return typeof lua === "string" ? [[`${file}: ${name}`, lua]] : [];
  });
}

describe("the scripts as they are built", async () => {
  const written = await load([]);
  const built = await load([pureScripts]);

  it("are all there", () => {
    expect(built.size).toBeGreaterThan(40);
    expect([...built.keys()]).toEqual([...written.keys()]);
  });

  it.each([...written])("say what was written, without indentation and comments: %s", (name, lua) => {
    expect(lines(built.get(name))).toEqual(lines(stripLua(`${lua}\n`)));
    expect(built.get(name)).not.toMatch(/^[ \t]|^--/m);
  });

  it("keep what looks like a comment and is none", () => {
    expect(stripLua('\n  local a = "x" -- why\n\n  -- a comment\n  return a\n')).toBe(
      'local a = "x" -- why\nreturn a\n',
    );
  });
});

function lines(lua = ""): string[] {
  return lua.split("\n").filter((line) => line !== "");
}
