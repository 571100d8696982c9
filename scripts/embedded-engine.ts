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

/** Where a Worker leaves the machine code of the engine's Lua, compiled. See `packEngine`. */
const luaInWorkers = 'globalThis[Symbol.for("redis-patterns lua")]';

/**
 * The engine's Lua is loaded by a path at run time, which no bundle and no CommonJS can do. Here it is imported as every module is, and its
 * machine code is compiled once for all engines of a process.
 */
function bundleLua(code: string): string {
  const changes: readonly (readonly [RegExp, string])[] = [
    [
      /const \{ pathToFileURL \} = await import\('node:url'\);[\s\S]*?return \(imported\.default \?\? imported\);/,
      "return createModule;",
    ],
    [/if \(options\.wasmBytes\) \{/, `if (${luaInWorkers}) return new Uint8Array(); $&`],
    [
      /WebAssembly\.instantiate\(wasmBinary, imports\)\.then\(\(result\) => \{[\s\S]*?\n {12}\}\);/,
      `compiled ??= Promise.resolve(${luaInWorkers} ?? WebAssembly.compile(wasmBinary));
            compiled.then(async (module) => successCallback(await WebAssembly.instantiate(module, imports), module));`,
    ],
    // The digest of what runs, which is not that of the script, was only for errors.
    [/const sha = computeSha1Hex\(scriptBuf\)\.toString\("utf8"\);/g, 'const sha = "";'],
  ];
  if (changes.some(([part]) => code.search(part) < 0)) {
    throw new Error("The engine's Lua is not written as expected");
  }
  const changed = changes.reduce((text, [part, replacement]) => text.replace(part, replacement), code);
  return `import createModule from "./redis_lua.mjs";\nlet compiled;\n${changed}`;
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

/** What other people wrote of the built files, and where its licence is. */
const notices: readonly (readonly [name: string, file: string])[] = [
  ["js-redis-server", "../node_modules/js-redis-server/LICENSE"],
  ["lua-redis-wasm", "../node_modules/lua-redis-wasm/LICENSE"],
  ["Lua, musl and Emscripten, in lua-redis-wasm", "lua-notices.txt"],
  ["cjson, cmsgpack, struct and bit, in lua-redis-wasm", "../node_modules/lua-redis-wasm/THIRD_PARTY_NOTICES.md"],
  ["cluster-key-slot", "../node_modules/cluster-key-slot/LICENSE"],
  // The notice of cluster-key-slot names the licence, and the licence wants to be passed on. A compiler that is here has the same.
  ["Apache License 2.0, of cluster-key-slot", "../node_modules/typescript/LICENSE.txt"],
  ["commander", "../node_modules/commander/LICENSE"],
];

const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

/** The entry for Workers: they compile machine code when they are deployed, as a module, and not at run time. */
const memoryInWorkers = `import lua from "./redis_lua.wasm";
import { memory as createMemory } from "./memory.js";
export function memory(options) {
  ${luaInWorkers} = lua;
  return createMemory(options);
}
`;

/** Puts the machine code of the engine's Lua beside the built files, what hands it to a Worker, and the licences of what they contain. */
export function packEngine(dist: string): void {
  copyFileSync(here("../node_modules/lua-redis-wasm/dist/redis_lua.wasm"), join(dist, "redis_lua.wasm"));
  writeFileSync(join(dist, "memory.workerd.js"), memoryInWorkers);
  writeFileSync(join(dist, "memory.workerd.d.ts"), 'export * from "./memory.js";\n');
  const texts = notices.map(([name, file]) => `${name}\n\n${readFileSync(here(file), "utf8").trim()}\n`);
  writeFileSync(join(dist, "THIRD-PARTY-NOTICES.txt"), texts.join(`\n${"-".repeat(80)}\n\n`));
}
