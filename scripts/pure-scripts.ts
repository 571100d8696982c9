import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

/** A script at the top level of its module, such as `export const release = defineScript({`. */
const call = /^((?:export )?const \w+(?:: .+)? =\s+)defineScript\(/gm;

/** Lua without what only its readers need: indentation, empty lines and lines of comment. */
export function stripLua(source: string): string {
  return source.replaceAll(/^[ \t]*(?:--.*)?\n/gm, "").replaceAll(/^[ \t]+/gm, "");
}

/**
 * Marks every `defineScript` call as free of side effects, so that a bundle keeps only the scripts that it runs, and strips the Lua in
 * `*.lua.ts`, so that it may be written to be read.
 */
export const pureScripts: Plugin = {
  name: "pure-scripts",
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]core[\\/].*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const lean = path.endsWith(".lua.ts") ? stripLua(source) : source;
      return { loader: "ts", contents: lean.replaceAll(call, "$1/* @__PURE__ */ defineScript(") };
    });
  },
};
