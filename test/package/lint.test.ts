import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

// All that is planted is linted in one run, which costs hardly more than a run for one file.
const planted = new Map<string, string>();
let report: { readonly number_of_files: number; readonly diagnostics: readonly { readonly filename: string }[] };

/**
 * Plants a piece of code in a copy of the project's configuration. The result tells what the linter says of it.
 * @param path Its place. A number is added to the name, so that no other file imports it.
 */
function plant(path: string, code: string): () => string {
  const name = path.replace(/(\.lua)?\.ts$/, `-${planted.size}$&`);
  planted.set(name, code);
  return () => {
    const own = report.diagnostics.filter(({ filename }) => filename === name);
    return own.length === 0 ? "clean" : JSON.stringify(own);
  };
}

beforeAll(() => {
  const copy = mkdtempSync(join(tmpdir(), "redis-patterns-lint-"));
  try {
    copyFileSync(join(root, ".oxlintrc.json"), join(copy, ".oxlintrc.json"));
    writeFileSync(join(copy, "tsconfig.json"), JSON.stringify({ compilerOptions: { module: "nodenext", types: [] } }));
    for (const [path, code] of planted) {
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      writeFileSync(join(copy, path), code);
    }
    const { stdout, error } = spawnSync(join(root, "node_modules/.bin/oxlint"), ["--format=json"], {
      cwd: copy,
      encoding: "utf8",
      env: { ...process.env, PATH: [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter) },
    });
    if (error) throw error;
    report = JSON.parse(stdout);
  } finally {
    rmSync(copy, { recursive: true });
  }
});

it("is asked about each file that is planted, and says nothing of others", () => {
  expect(report.number_of_files).toBe(planted.size);
  expect(report.diagnostics.filter(({ filename }) => !planted.has(filename))).toEqual([]);
});

const uses = (from: string) => `import { thing } from "${from}";\n\nexport const it = thing;\n`;

describe("the import rule", () => {
  const refused: readonly (readonly [path: string, from: string, reason: string])[] = [
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
    ["src/core/data/json.ts", "../port/redis.ts", "The ground knows no folder"],
    ["src/core/time/deadline.ts", "../wait/sleep.ts", "The ground knows no folder"],
    ["src/core/time/deadline.ts", "../../gateway/gateway.ts", "Core imports core only"],
    ["src/core/script/define-script.ts", "../outage/breaker.ts", "The ground knows no folder"],
    ["src/core/script/index.ts", "../patterns/lock/lock.ts", "The ground knows no folder"],
    ["src/core/outage/breaker.ts", "../patterns/lock/lock.ts", "The ground knows no folder"],
    ["src/core/wait/sleep.ts", "../script/define-script.ts", "The ground knows no folder"],
    ["src/core/wait/sleep.ts", "../../index.ts", "Entries are for users"],
    ["src/core/log/reader.ts", "../outage/breaker.ts", "The ground knows no folder"],
    ["src/core/log/reader.ts", "../patterns/lock/lock.ts", "The ground knows no folder"],
    ["src/core/script/define-script.ts", "../log/reader.ts", "The ground knows no folder"],
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
    ["src/gateway/streams/streams.ts", "../../adapters/ioredis/ioredis.ts", "works on any Redis port"],
    ["src/gateway/streams/streams.ts", "../../core/patterns/lock/lock.ts", "knows no pattern"],
    ["src/gateway/gateway.ts", "../index.ts", "Nothing imports src/index.ts"],
    ["src/cli/cli.ts", "../index.ts", "Nothing imports src/index.ts"],
  ];
  it.each(refused.map(([path, from, reason]) => [path, from, reason, plant(path, uses(from))] as const))(
    "refuses %s importing %s",
    (_, __, reason, said) => {
      expect(said()).toContain(reason);
    },
  );

  const later = [
    plant("src/core/keys.ts", 'export { thing } from "ioredis";\n'),
    plant("src/core/keys.ts", 'export const late = () => import("ioredis");\n'),
  ];
  it("refuses an import that runs later, and a re-export", () => {
    for (const said of later) expect(said()).toContain("Core imports no package");
  });

  const allowed: readonly (readonly [path: string, from: string])[] = [
    ["src/core/log/reader.ts", "../script/define-script.ts"],
    ["src/core/log/reader.ts", "../wait/sleep.ts"],
    ["src/core/patterns/lock/lock.ts", "../../log/reader.ts"],
    ["src/core/keys.ts", "./errors.ts"],
    ["src/core/data/json.ts", "../errors.ts"],
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
  ];
  it.each(allowed.map(([path, from]) => [path, from, plant(path, uses(from))] as const))(
    "lets %s import %s",
    (_, __, said) => {
      expect(said()).toBe("clean");
    },
  );

  const globals = ["process.uptime()", "Buffer.alloc(1)"].map(
    (expression) =>
      [
        expression,
        plant(
          "src/core/keys.ts",
          `export const value = () => ${expression};
`,
        ),
      ] as const,
  );
  it.each(globals)("refuses %s in core", (_, said) => {
    expect(said()).toContain("no-restricted-globals");
  });
});

describe("the length limits", () => {
  const lines = (count: number) => Array.from({ length: count }, (_, i) => `  seen.push(${i});`).join("\n");

  const ofFunction = plant("src/core/long.ts", `export function long(seen: number[]): void {\n${lines(40)}\n}\n`);
  it("refuses a function of more than 40 lines", () => {
    expect(ofFunction()).toContain("max-lines-per-function");
  });

  const ofFile = plant(
    "src/core/long.ts",
    Array.from({ length: 201 }, (_, i) => `export const value${i} = ${i};\n`).join(""),
  );
  it("refuses a file of more than 200 lines", () => {
    expect(ofFile()).toContain("max-lines");
  });
});

describe("the promises", () => {
  const floating = plant(
    "src/core/start.ts",
    "export function start(work: () => Promise<void>): void {\n  work();\n}\n",
  );
  it("refuses one that floats", () => {
    expect(floating()).toContain("no-floating-promises");
  });
});
