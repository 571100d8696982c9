import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

/** Bundles a handler into one file: what template.yaml deploys and what the tests run. */
export async function buildHandler(
  outfile = "dist/handler.mjs",
  plugins: Plugin[] = [],
  source = "src/handler.ts",
): Promise<void> {
  await build({
    absWorkingDir: fileURLToPath(new URL("../", import.meta.url)),
    entryPoints: [source],
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

/** Both functions of template.yaml. */
export async function buildHandlers(): Promise<void> {
  await buildHandler();
  await buildHandler("dist/stream.mjs", [], "src/stream.ts");
}

if (import.meta.main) await buildHandlers();
