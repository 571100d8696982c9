import { readFileSync } from "node:fs";
import type { Plugin } from "esbuild";

/** Replaces texts in a source file of the function while it is bundled. */
export function replacing(file: string, texts: Readonly<Record<string, string>>): Plugin {
  return {
    name: `replacing in ${file}`,
    setup(build) {
      build.onLoad({ filter: new RegExp(`lambda-example/src/${file}$`) }, ({ path }) => {
        let contents = readFileSync(path, "utf8");
        for (const [text, by] of Object.entries(texts)) {
          if (!contents.includes(text)) throw new Error(`${file} has no ${text}`);
          contents = contents.replace(text, by);
        }
        return { loader: "ts", contents };
      });
    },
  };
}
