import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
let copy: string;

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), "redis-patterns-lint-"));
  copyFileSync(join(root, ".oxlintrc.json"), join(copy, ".oxlintrc.json"));
  writeFileSync(join(copy, "tsconfig.json"), JSON.stringify({ compilerOptions: { module: "nodenext", types: [] } }));
});

afterEach(() => {
  rmSync(copy, { recursive: true });
});

/** What the linter says of one file that is planted in a copy of the project's configuration. */
function lint(path: string, code: string): string {
  mkdirSync(dirname(join(copy, path)), { recursive: true });
  writeFileSync(join(copy, path), code);
  const { status, stdout, error } = spawnSync(join(root, "node_modules/.bin/oxlint"), ["--format=json"], {
    cwd: copy,
    encoding: "utf8",
    env: { ...process.env, PATH: [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter) },
  });
  if (error) throw error;
  return status === 0 ? "clean" : stdout;
}

const uses = (from: string) => `import { thing } from "${from}";\n\nexport const it = thing;\n`;

describe("the import rule", () => {
  it.each([
    ["src/core/keys.ts", "ioredis", "Core imports no package"],
    ["src/core/keys.ts", "node:crypto", "Core imports no package"],
    ["src/core/keys.ts", "../adapters/rest/rest.ts", "Core imports core only"],
    ["src/core/keys.ts", "../index.ts", "Entries are for users"],
    ["src/core/keys.ts", "./lock/lock.ts", "Core's own modules know no pattern"],
    ["src/core/lock/lock.ts", "node:timers", "Core imports no package"],
    ["src/core/lock/lock.ts", "redis-patterns/cache", "Core imports no package"],
    ["src/core/lock/lock.ts", "../cache/cache.ts", "never another pattern"],
    ["src/core/lock/lock.ts", "../../adapters/rest/rest.ts", "never another pattern"],
    ["src/core/lock/lock.ts", "../../index.ts", "Entries are for users"],
    ["src/core/lock/index.ts", "../cache/cache.ts", "never another pattern"],
    ["src/core/lock/scripts/release.lua.ts", "node:timers", "Core imports no package"],
    ["src/adapters/rest/rest.ts", "../ioredis/ioredis.ts", "Adapters never import each other"],
    ["src/adapters/rest/rest.ts", "../../core/lock/lock.ts", "no pattern"],
    ["src/adapters/rest/rest.ts", "../../gateway/gateway.ts", "no pattern"],
    ["src/adapters/ioredis/ioredis.ts", "ioredis", "imports no package"],
    ["src/adapters/ioredis/ioredis.ts", "../../index.ts", "Entries are for users"],
    ["src/gateway/gateway.ts", "../adapters/ioredis/ioredis.ts", "works on any Redis port"],
    ["src/gateway/gateway.ts", "../index.ts", "Nothing imports src/index.ts"],
    ["src/cli/cli.ts", "../index.ts", "Nothing imports src/index.ts"],
  ])("refuses %s importing %s", (path, from, reason) => {
    expect(lint(path, uses(from))).toContain(reason);
  });

  it("refuses an import that runs later, and a re-export", () => {
    expect(lint("src/core/keys.ts", 'export { thing } from "ioredis";\n')).toContain("Core imports no package");
    expect(lint("src/core/keys.ts", 'export const late = () => import("ioredis");\n')).toContain(
      "Core imports no package",
    );
  });

  it.each([
    ["src/core/keys.ts", "./errors.ts"],
    ["src/core/lock/lock.ts", "./lease.ts"],
    ["src/core/lock/lock.ts", "../script.ts"],
    ["src/adapters/rest/rest.ts", "../../core/errors.ts"],
    ["src/adapters/rest/rest.ts", "./batch.ts"],
    ["src/gateway/gateway.ts", "../core/redis.ts"],
    ["src/cli/cli.ts", "../adapters/ioredis/ioredis.ts"],
    ["src/index.ts", "./core/errors.ts"],
  ])("lets %s import %s", (path, from) => {
    expect(lint(path, uses(from))).toBe("clean");
  });

  it.each(["process.uptime()", "Buffer.alloc(1)"])("refuses %s in core", (expression) => {
    expect(lint("src/core/keys.ts", `export const value = () => ${expression};\n`)).toContain("no-restricted-globals");
  });
});

describe("the length limits", () => {
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `  seen.push(${i});`).join("\n");

  it("refuses a function of more than 40 lines", () => {
    const code = `export function long(seen: number[]): void {\n${lines(40)}\n}\n`;
    expect(lint("src/core/long.ts", code)).toContain("max-lines-per-function");
  });

  it("refuses a file of more than 200 lines", () => {
    const code = Array.from({ length: 201 }, (_, i) => `export const value${i} = ${i};`).join("\n");
    expect(lint("src/core/long.ts", `${code}\n`)).toContain("max-lines");
  });
});

describe("the promises", () => {
  it("refuses one that floats", () => {
    const code = "export function start(work: () => Promise<void>): void {\n  work();\n}\n";
    expect(lint("src/core/start.ts", code)).toContain("no-floating-promises");
  });
});
