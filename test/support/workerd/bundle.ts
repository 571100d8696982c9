import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import { Miniflare } from "miniflare";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What a Worker gets from outside, and what becomes of its complaints. */
export interface WorkerOptions {
  readonly bindings?: Record<string, string>;
  /**
   * Receives what the runtime itself writes to its standard error.
   * @default printed
   */
  readonly warn?: (text: string) => void;
}

/** Starts a Worker of the given source in workerd, without any of Node's globals. */
export async function startWorker(source: string, { bindings = {}, warn }: WorkerOptions = {}): Promise<Miniflare> {
  const miniflare = new Miniflare({
    bindings,
    ...(warn && {
      handleRuntimeStdio: (_: Readable, stderr: Readable) => void stderr.setEncoding("utf8").on("data", warn),
    }),
    modules: true,
    script: await bundle(source),
    compatibilityDate: "2026-07-01",
    compatibilityFlags: ["no_nodejs_compat"],
  });
  await miniflare.ready;
  return miniflare;
}

/** A Worker that holds the suites of portable test files, each in a suite of the file's name. */
export function suiteSource(folder: string, files: readonly string[]): string {
  const imports = files.flatMap((file) => [`suite:${file}`, folder + file]);
  const lines = imports.map((path) => `import ${JSON.stringify(path)};`);
  return [...lines, `export { default } from ${JSON.stringify(here("worker.ts"))};`].join("\n");
}

async function bundle(source: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: here("."), loader: "ts" },
    bundle: true,
    external: ["cloudflare:workers"],
    write: false,
    format: "esm",
    target: "es2023",
    // Nothing of Node is available: an import of it fails here.
    platform: "neutral",
    mainFields: ["module", "main"],
    conditions: ["workerd", "worker", "import"],
    // Read by a library inside vitest and by test/support/long.ts; there are no such variables in a Worker.
    define: {
      "process.env.NODE_ENV": '"production"',
      "process.env.TEST_LONG": JSON.stringify(process.env["TEST_LONG"] ?? ""),
    },
    logLevel: "silent",
    plugins: [inWorker],
  });
  return outputFiles[0]?.text ?? "";
}

/** Puts the Worker's parts in the place of Node's. */
const inWorker: Plugin = {
  name: "in-worker",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^suite:/ }, ({ path }) => ({ path, namespace: "suite", sideEffects: true }));
    onLoad({ filter: /.*/, namespace: "suite" }, ({ path }) => ({
      contents: `import { file } from "vitest"; file(${JSON.stringify(path.replace("suite:", ""))});`,
      resolveDir: here("."),
    }));
    onResolve({ filter: /^vitest$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: fileURLToPath(import.meta.resolve("vitest")) } : { path: here("vitest.ts") },
    );
    // The package says that its files have no side effects; a test file has nothing else.
    onResolve({ filter: /\.test\.ts$/ }, ({ path }) => ({ path, sideEffects: true }));
    onResolve({ filter: /\/rows\.ts$/ }, () => ({ path: here("rows.ts") }));
  },
};
