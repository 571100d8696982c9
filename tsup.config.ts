import { rmSync } from "node:fs";
import { defineConfig } from "tsup";
import { withoutBareImports } from "./scripts/bare-imports.ts";
import { embeddedEngine, packEngine } from "./scripts/embedded-engine.ts";
import { entries, internals } from "./scripts/entries.ts";
import { entryBeside } from "./scripts/entry-beside.ts";
import { pureScripts } from "./scripts/pure-scripts.ts";

// Once for both builds below, which run at the same time.
rmSync("dist", { recursive: true, force: true });

export default defineConfig([
  {
    entry: { ...entries, ...internals },
    // CommonJS is for Jest, which cannot require ES modules. Node's own require() takes the ES modules: see CONTRIBUTING.md.
    format: ["esm", "cjs"],
    // Shared chunks: what one entry throws is an instance of the class that another one exports.
    splitting: true,
    esbuildPlugins: [pureScripts, embeddedEngine],
    // Of these only the entry `memory` and the tools for tests, which run in Node, have any.
    external: [/^node:/, "crypto", "net", "stream"],
    removeNodeProtocol: false,
    // A package of the engine has no other field that says where it begins.
    esbuildOptions: (options) => Object.assign(options, { mainFields: ["module", "main"] }),
    shims: true,
    async onSuccess() {
      // The chunks hold the modules; these files would only pass their names on.
      rmSync("dist/internal", { recursive: true });
      packEngine("dist");
    },
    plugins: [withoutBareImports],
    dts: { entry: entries },
    platform: "neutral",
    target: "es2022",
  },
  {
    // The command brings what it uses; only the Redis client is the user's own, and the engine lies beside it.
    entry: { cli: "src/cli/cli.ts" },
    esbuildPlugins: [entryBeside("memory")],
    format: "esm",
    platform: "node",
    target: "es2022",
    external: ["ioredis"],
  },
]);
