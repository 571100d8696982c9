import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { currentNode, oldestNode } from "./node-versions.ts";
import { type App, createApp, root } from "./packed.ts";

/** A block of a page that needs no more than the package and a test runner. */
interface Block {
  /** The page and the line. */
  readonly where: string;
  readonly code: string;
  readonly runner: "vitest" | "jest" | "node:test" | "none";
}

const nodes = [
  ["Node 20", oldestNode],
  ["Node 24", () => currentNode],
] as const;
const bin = (name: string) => join(root, "node_modules", name);

function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^```(?:ts|js)\n([\s\S]*?)^```/gm)]
    .map(({ index, 1: code = "" }) => ({ where: `${page}:${text.slice(0, index).split("\n").length}`, code }))
    .filter(({ code }) => code.includes('"redis-patterns/memory"'))
    .map((block) => ({ ...block, runner: runnerOf(block.code) }));
}

function runnerOf(code: string): Block["runner"] {
  if (code.includes("require(")) return "jest";
  return (["vitest", "node:test"] as const).find((name) => code.includes(`from "${name}"`)) ?? "none";
}

/** What a block says that it prints. */
function promised(code: string): string {
  return [...code.matchAll(/^ *console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => `${text}\n`).join("");
}

const blocks = ["docs/testing.md", "docs/local.md"].flatMap(blocksOf);
const by = (runner: Block["runner"]) => blocks.filter((block) => block.runner === runner);
const nameOf = ({ where }: Block) => where.replaceAll(/\W/g, "-");

/** A test of what Jest fakes: more than other runners do. */
const fakeTimersOfJest = `
const { createLock, seconds } = require("redis-patterns");
const { memory } = require("redis-patterns/memory");
const redis = memory();
const locks = createLock(redis, { prefix: "job", ttl: seconds(10) });
beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());
test("a lease ends", async () => {
  const lease = await locks.acquire("report");
  await jest.advanceTimersByTimeAsync(seconds(10));
  expect(lease.signal.aborted).toBe(true);
  expect(await locks.tryAcquire("report")).not.toBeNull();
});
test("one that waits has its turn, and hears messages", async () => {
  const heard = [];
  await redis.subscribe("news", (message) => heard.push(message));
  await locks.acquire("turn");
  const waiting = locks.acquire("turn", { wait: seconds(30) });
  await redis.send(["PUBLISH", "news", "hello"]);
  await jest.advanceTimersByTimeAsync(seconds(11));
  expect((await waiting).signal.aborted).toBe(false);
  expect(heard).toEqual(["hello"]);
});
test("a deadline passes", async () => {
  const asking = redis.send(["BLPOP", "q", 0]).catch((error) => error.code);
  await jest.advanceTimersByTimeAsync(seconds(2));
  await jest.advanceTimersByTimeAsync(seconds(2));
  expect(await asking).toBe("TIMEOUT");
});
`;

let app: App;
beforeAll(async () => {
  app = createApp();
  mkdirSync(join(app.folder, "node_modules"), { recursive: true });
  symlinkSync(bin("vitest"), join(app.folder, "node_modules/vitest"));
  app.write("jest/package.json", JSON.stringify({ name: "jest-app", private: true, type: "commonjs" }));
  for (const block of blocks) {
    // Node 20 knows neither types nor `await using`.
    const { code } = await transform(block.code, { loader: "ts", target: "es2022" });
    if (block.runner === "jest") app.write(`jest/${nameOf(block)}.test.js`, block.code);
    else app.write(`blocks/${nameOf(block)}.${block.runner === "vitest" ? "test.mjs" : "mjs"}`, code);
  }
  app.write("jest/fake-timers.test.js", fakeTimersOfJest);
});
afterAll(() => app.remove());

it("finds blocks for each runner", () => {
  expect(by("jest")).toHaveLength(1);
  expect(by("node:test")).toHaveLength(1);
  expect(by("vitest").length).toBeGreaterThanOrEqual(4);
  expect(by("none").length).toBeGreaterThanOrEqual(3);
});

describe("what the pages show of Redis in memory", () => {
  describe.each(nodes)("on %s", (_, node) => {
    it.each(by("none"))("prints what it says: $where", (block) => {
      const said = promised(block.code);
      expect(said).not.toBe("");
      expect(app.run(node(), `blocks/${nameOf(block)}.mjs`)).toBe(said);
    });

    it.each(by("node:test"))("passes in node:test: $where", (block) => {
      const report = app.run(node(), "--test", "--test-reporter=tap", `blocks/${nameOf(block)}.mjs`);
      expect(report).toMatch(/^# pass 1$[\s\S]*^# fail 0$/m);
    });

    it("passes in Jest, with its fake timers too", () => {
      const report: unknown = JSON.parse(
        app.run(node(), bin("jest/bin/jest.js"), "--rootDir", `${app.folder}/jest`, "--ci", "--json"),
      );
      expect(report).toMatchObject({ success: true, numPassedTests: 4, numFailedTests: 0 });
    });
  });

  // This version of vitest wants Node 22 at least.
  it("passes in vitest", () => {
    const file = join(app.folder, "vitest.json");
    const options = ["--root", `${app.folder}/blocks`, "--reporter=json", `--outputFile=${file}`];
    app.run(currentNode, bin("vitest/vitest.mjs"), "run", ...options);
    const report: unknown = JSON.parse(readFileSync(file, "utf8"));
    expect(report).toMatchObject({ success: true, numPassedTests: by("vitest").length, numFailedTests: 0 });
  });
});
