import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

/** Bundles the handler into one file: what template.yaml deploys and what the tests run. */
export async function buildHandler(outfile = "dist/handler.mjs", plugins: Plugin[] = []): Promise<void> {
  await build({
    absWorkingDir: fileURLToPath(new URL("../", import.meta.url)),
    entryPoints: ["src/handler.ts"],
    outfile,
    plugins,
    bundle: true,
    minify: true,
    sourcemap: true,
    platform: "node",
    format: "esm",
    target: "node22",
    // ioredis is CommonJS, and asks for Node's own modules by require().
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  });
}

if (import.meta.main) await buildHandler();
