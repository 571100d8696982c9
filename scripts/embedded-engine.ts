import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Plugin, transform } from "esbuild";
import type { Plugin as VitePlugin } from "vite";

/**
 * The engine reads the clock in sixty places. As the body of a function its module gets one as an argument, so that every engine has its
 * own, which tests can move. Imports stay above it.
 */
function wrapEngine(code: string): string {
  const imports = code.match(/^import [^;]*?;$/gm) ?? [];
  const body = imports.reduce((text, statement) => text.replace(statement, ""), code);
  const list = /^export \{([^}]*)\};$/m.exec(body);
  if (!list || /\bimport\.meta\b|^export (?!\{)/m.test(body)) throw new Error("The engine is not written as expected");
  const names = (list[1] ?? "").replaceAll(/(\w+) as (\w+)/g, "$2: $1");
  const rest = body.replace(list[0], `return {${names}};`).replaceAll(/^\/\/# sourceMappingURL.*$/gm, "");
  return `${imports.join("\n")}\nexport function createEngine(Date) {${rest}\n}`;
}

/**
 * The engine's Lua is loaded by a path at run time, which no bundle and no CommonJS can do. Here it is imported as every module is, and its
 * machine code is compiled once for all engines of a process.
 */
function bundleLua(code: string): string {
  const [glue, binary] = [
    /const \{ pathToFileURL \} = await import\('node:url'\);[\s\S]*?return \(imported\.default \?\? imported\);/,
    /WebAssembly\.instantiate\(wasmBinary, imports\)\.then\(\(result\) => \{[\s\S]*?\n {12}\}\);/,
  ];
  if (!glue.test(code) || !binary.test(code))
    throw new Error("The loader of the engine's Lua is not written as expected");
  // The digest of what runs, which is not that of the script, was only for errors.
  const digest = 'const sha = computeSha1Hex(scriptBuf).toString("utf8");';
  if (!code.includes(digest)) throw new Error("The engine's Lua is not written as expected");
  const instantiate = `compiled ??= WebAssembly.compile(wasmBinary);
            compiled.then(async (module) => successCallback(await WebAssembly.instantiate(module, imports), module));`;
  return `import createModule from "./redis_lua.mjs";\nlet compiled;\n${code
    .replaceAll(digest, 'const sha = "";')
    .replace(glue, "return createModule;")
    .replace(binary, instantiate)}`;
}

/** It needs no file of its own: the machine code is handed to it. */
function withoutFiles(code: string): string {
  return code
    .replace("globalThis.process?.versions?.node", "false")
    .replaceAll("import.meta.url", '""')
    .replaceAll(/await import\("node:module"\)/g, "{}");
}

const changes: readonly (readonly [RegExp, (code: string) => string])[] = [
  [/[\\/]js-redis-server[\\/]dist[\\/]core\.mjs$/, wrapEngine],
  [/[\\/]lua-redis-wasm[\\/]dist[\\/]index\.node\.mjs$/, bundleLua],
  [/[\\/]lua-redis-wasm[\\/]dist[\\/]redis_lua\.mjs$/, withoutFiles],
];

/** Changes the embedded engine's modules for the build of the package. */
export const embeddedEngine: Plugin = {
  name: "embedded-engine",
  setup({ onLoad }) {
    for (const [filter, change] of changes) {
      onLoad({ filter }, async ({ path }) => {
        // Not its syntax: what makes CommonJS of it does not understand a constructor that begins with a comma.
        const options = { minifyWhitespace: true, minifyIdentifiers: true };
        const { code } = await transform(change(await readFile(path, "utf8")), options);
        return { loader: "js", contents: code };
      });
    }
  },
};

/** The same for tests, which run the source. */
export const embeddedEngineInTests: VitePlugin = {
  name: "embedded-engine",
  enforce: "pre",
  transform: (code, id) => changes.find(([filter]) => filter.test(id.replace(/\?.*$/, "")))?.[1](code) ?? null,
};

/** What other people wrote of the built files, with their licences. */
const notices = [
  "js-redis-server/LICENSE",
  "lua-redis-wasm/LICENSE",
  "lua-redis-wasm/THIRD_PARTY_NOTICES.md",
  "cluster-key-slot/LICENSE",
  "commander/LICENSE",
];

/** Puts the machine code of the engine's Lua beside the built files, and the licences of what they contain. */
export function packEngine(dist: string): void {
  const modules = fileURLToPath(new URL("../node_modules", import.meta.url));
  copyFileSync(join(modules, "lua-redis-wasm/dist/redis_lua.wasm"), join(dist, "redis_lua.wasm"));
  const texts = notices.map((file) => `${file}\n\n${readFileSync(join(modules, file), "utf8").trim()}\n`);
  writeFileSync(join(dist, "THIRD-PARTY-NOTICES.txt"), texts.join(`\n${"-".repeat(80)}\n\n`));
}
