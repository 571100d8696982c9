import { rmSync } from "node:fs";
import { defineConfig } from "tsup";
import { withoutBareImports } from "./scripts/bare-imports.ts";
import { entries, internals } from "./scripts/entries.ts";
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
    esbuildPlugins: [pureScripts],
    // The chunks hold the modules; these files would only pass their names on.
    onSuccess: async () => rmSync("dist/internal", { recursive: true }),
    plugins: [withoutBareImports],
    dts: { entry: entries },
    platform: "neutral",
    target: "es2022",
  },
  {
    // The command brings what it uses; only the Redis client is the user's own.
    entry: { cli: "src/cli/cli.ts" },
    format: "esm",
    platform: "node",
    target: "es2022",
    external: ["ioredis"],
  },
]);
