import type { Options } from "tsup";

type Plugin = NonNullable<Options["plugins"]>[number];

/** The bundler's `import "./chunk.js";` only orders side effects, and there are none. Without it a bundler needn't warn. */
export const withoutBareImports: Plugin = {
  name: "without-bare-imports",
  renderChunk(code, { map = null }) {
    return { code: code.replaceAll(/^import "\.\/chunk-\w+\.js";$/gm, ""), map };
  },
};
