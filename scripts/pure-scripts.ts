import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";

/** A script at the top level of its module, such as `export const release = defineScript({`. */
const call = /^((?:export )?const \w+(?:: .+)? =\s+)defineScript\(/gm;

/** Marks every `defineScript` call as free of side effects, so that a bundle keeps only the scripts that it runs. */
export const pureScripts: Plugin = {
  name: "pure-scripts",
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]core[\\/].*\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      return { loader: "ts", contents: source.replaceAll(call, "$1/* @__PURE__ */ defineScript(") };
    });
  },
};
