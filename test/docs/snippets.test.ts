import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { entries as sources } from "../../scripts/entries.ts";
import { type Snippet, snippets } from "./snippets.ts";

const root = join(import.meta.dirname, "../..");

/** `redis-patterns/lock` as a reader imports it, and the file behind it. */
const entries: Record<string, string> = Object.fromEntries(
  Object.entries(sources).map(([name, file]) => [name === "index" ? "redis-patterns" : `redis-patterns/${name}`, file]),
);

/** What the reader is assumed to have: a database, a request, a client, and everything that the package exports. */
function surroundings(): string {
  const names = new Map<string, string>();
  for (const [entry, file] of Object.entries(entries)) {
    const source = program([join(root, file)]);
    const module = source.getSourceFile(join(root, file));
    const symbol = module && source.getTypeChecker().getSymbolAtLocation(module);
    for (const exported of symbol ? source.getTypeChecker().getExportsOfModule(symbol) : []) {
      const target =
        exported.flags & ts.SymbolFlags.Alias ? source.getTypeChecker().getAliasedSymbol(exported) : exported;
      if (target.flags & ts.SymbolFlags.Value && !names.has(exported.name)) names.set(exported.name, entry);
    }
  }
  const globals = [...names].map(([name, entry]) => `  const ${name}: typeof import("${entry}").${name};`);
  return `export {};\ndeclare global {\n${globals.join("\n")}\n${assumed}\n}`;
}

const assumed = `
  interface User { id: string; name: string }
  const redis: import("redis-patterns").Redis;
  const client: import("ioredis").Redis;
  const request: Request;
  const env: Record<"UPSTASH_REDIS_REST_URL" | "UPSTASH_REDIS_REST_TOKEN" | "REDIS_URL" | "REDIS_TOKEN", string>;
  const ctx: { waitUntil(promise: Promise<unknown>): void };
  const Redis: typeof import("ioredis").Redis;
  const locks: import("redis-patterns/lock").Locks;
  const id: string;
  const userId: string;
  const token: string;
  const url: string;
  const body: string;
  const ids: string[];
  const signal: AbortSignal;
  const shutdown: AbortSignal;
  const log: Console;
${["db", "histogram", "invoice", "order"].map((name) => `  const ${name}: any;`).join("\n")}
${[
  "charge",
  "iamToken",
  "makeReport",
  "rebuild",
  "renderPdf",
  "report",
  "runScheduler",
  "search",
  "sendInvoice",
  "show",
]
  .map((name) => `  const ${name}: (...args: any[]) => any;`)
  .join("\n")}
`;

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  lib: ["lib.es2023.d.ts", "lib.esnext.disposable.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  types: ["node"],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
  allowImportingTsExtensions: true,
  paths: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, [join(root, file)]])),
};

function program(files: string[], virtual: Record<string, string> = {}): ts.Program {
  const host = ts.createCompilerHost(options);
  const { readFile, fileExists, getSourceFile } = host;
  host.fileExists = (name) => name in virtual || fileExists(name);
  host.readFile = (name) => virtual[name] ?? readFile(name);
  host.getSourceFile = (name, version, ...rest) =>
    name in virtual ? ts.createSourceFile(name, virtual[name] ?? "", version) : getSourceFile(name, version, ...rest);
  return ts.createProgram(files, options, host);
}

/** What the compiler says of each snippet, by where it stands. */
function complaints(list: readonly Snippet[]): Map<string, string[]> {
  const ambient = join(root, "test/docs/surroundings.d.ts");
  const names = new Map(list.map(({ where }, i) => [join(root, `test/docs/snippet-${i}.ts`), where]));
  const virtual: Record<string, string> = { [ambient]: surroundings() };
  for (const [i, name] of [...names.keys()].entries()) virtual[name] = `${list[i]?.code}\nexport {};\n`;
  const compiled = program(Object.keys(virtual), virtual);
  const found = new Map<string, string[]>();
  for (const [name, where] of names) {
    const file = compiled.getSourceFile(name);
    const messages = [...compiled.getSyntacticDiagnostics(file), ...compiled.getSemanticDiagnostics(file)];
    found.set(
      where,
      messages.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")),
    );
  }
  return found;
}

describe("what the documentation tells a reader to write", () => {
  const list = snippets();
  const broken: Snippet = { where: "broken", code: "const lock = createLock(redis, { tll: 5 });" };
  const found = complaints([...list, broken]);

  it("is found", () => {
    expect(list.length).toBeGreaterThan(20);
  });

  it.each(list)("compiles: $where", ({ where }) => {
    expect(found.get(where)).toEqual([]);
  });

  it("would be caught with a misspelt option", () => {
    expect(found.get("broken")?.join()).toMatch(/tll/);
  });

  it.each(list.filter(({ where }) => where.startsWith("src/")))("is short in the sources: $where", ({ code }) => {
    expect(code.trim().split("\n").length).toBeLessThanOrEqual(8);
  });
});
