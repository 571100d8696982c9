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
    ["src/core/keys.ts", "./port/redis.ts", "The ground knows no folder"],
    ["src/core/keys.ts", "./patterns/lock/lock.ts", "The ground knows no folder"],
    ["src/core/port/redis.ts", "node:net", "Core imports no package"],
    ["src/core/port/redis.ts", "../time/deadline.ts", "The ground knows no folder"],
    ["src/core/port/redis.ts", "../patterns/lock/lock.ts", "The ground knows no folder"],
    ["src/core/port/redis.ts", "../../adapters/rest/rest.ts", "Core imports core only"],
    ["src/core/time/deadline.ts", "../wait/sleep.ts", "The ground knows no folder"],
    ["src/core/time/deadline.ts", "../../gateway/gateway.ts", "Core imports core only"],
    ["src/core/script/define-script.ts", "../outage/breaker.ts", "The ground knows no folder"],
    ["src/core/script/index.ts", "../patterns/lock/lock.ts", "The ground knows no folder"],
    ["src/core/outage/breaker.ts", "../patterns/lock/lock.ts", "The ground knows no folder"],
    ["src/core/wait/sleep.ts", "../script/define-script.ts", "The ground knows no folder"],
    ["src/core/wait/sleep.ts", "../../index.ts", "Entries are for users"],
    ["src/core/patterns/lock/lock.ts", "node:timers", "Core imports no package"],
    ["src/core/patterns/lock/lock.ts", "redis-patterns/cache", "Core imports no package"],
    ["src/core/patterns/lock/lock.ts", "../cache/cache.ts", "never another pattern"],
    ["src/core/patterns/lock/lock.ts", "../../patterns/cache/cache.ts", "never another pattern"],
    ["src/core/patterns/lock/lock.ts", "../../../adapters/rest/rest.ts", "Core imports core only"],
    ["src/core/patterns/lock/lock.ts", "../../../index.ts", "Entries are for users"],
    ["src/core/patterns/lock/index.ts", "../cache/cache.ts", "never another pattern"],
    ["src/core/patterns/lock/scripts/release.lua.ts", "node:timers", "Core imports no package"],
    ["src/core/patterns/lock/scripts/release.lua.ts", "../../cache/cache.ts", "never another pattern"],
    ["src/core/patterns/lock/kinds/quorum.ts", "../../../patterns/cache/cache.ts", "never another pattern"],
    ["src/core/patterns/lock/kinds/quorum.ts", "../../../../adapters/rest/rest.ts", "Core imports core only"],
    ["src/core/patterns/lock/kinds/quorum.ts", "../index.ts", "Entries are for users"],
    ["src/adapters/rest/rest.ts", "../ioredis/ioredis.ts", "Adapters never import each other"],
    ["src/adapters/http/port.ts", "../rest/rest.ts", "Adapters never import each other"],
    ["src/adapters/rest/rest.ts", "../../core/patterns/lock/lock.ts", "no pattern"],
    ["src/adapters/rest/rest.ts", "../../core/script/define-script.ts", "no pattern"],
    ["src/adapters/rest/rest.ts", "../../core/outage/breaker.ts", "no pattern"],
    ["src/adapters/rest/rest.ts", "../../gateway/gateway.ts", "no pattern"],
    ["src/adapters/ioredis/ioredis.ts", "ioredis", "imports no package"],
    ["src/adapters/ioredis/ioredis.ts", "../../index.ts", "Entries are for users"],
    ["src/gateway/gateway.ts", "../adapters/ioredis/ioredis.ts", "works on any Redis port"],
    ["src/gateway/gateway.ts", "../core/patterns/lock/lock.ts", "knows no pattern"],
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
    ["src/core/port/reply.ts", "../errors.ts"],
    ["src/core/port/reply.ts", "./redis.ts"],
    ["src/core/time/deadline.ts", "../port/redis.ts"],
    ["src/core/wait/sleep.ts", "../time/timer.ts"],
    ["src/core/script/define-script.ts", "../time/tick.ts"],
    ["src/core/outage/breaker.ts", "../port/redis.ts"],
    ["src/core/patterns/lock/lock.ts", "./lease.ts"],
    ["src/core/patterns/lock/lock.ts", "./kinds/quorum.ts"],
    ["src/core/patterns/lock/lock.ts", "../../keys.ts"],
    ["src/core/patterns/lock/lock.ts", "../../script/define-script.ts"],
    ["src/core/patterns/lock/kinds/quorum.ts", "../lease.ts"],
    ["src/core/patterns/lock/kinds/quorum.ts", "../../../keys.ts"],
    ["src/core/patterns/lock/kinds/quorum.ts", "../../../wait/sleep.ts"],
    ["src/adapters/rest/rest.ts", "../../core/errors.ts"],
    ["src/adapters/rest/rest.ts", "../../core/port/redis.ts"],
    ["src/adapters/rest/rest.ts", "../../core/wait/sleep.ts"],
    ["src/adapters/rest/rest.ts", "./post.ts"],
    ["src/adapters/upstash/upstash.ts", "../http/port.ts"],
    ["src/gateway/gateway.ts", "../core/port/redis.ts"],
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
