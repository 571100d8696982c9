import type { Plugin } from "esbuild";

/** Imports an entry of the package from the built file beside, so that it is not packed twice. */
export function entryBeside(name: string): Plugin {
  return {
    name: `${name}-beside`,
    setup({ onResolve }) {
      const filter = new RegExp(`[\\\\/]${name}[\\\\/]index\\.ts$`);
      onResolve({ filter }, () => ({ path: `./${name}.js`, external: true }));
    },
  };
}
