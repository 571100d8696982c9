import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startWorker } from "../support/workerd/bundle.ts";
import { runInside, takeInventory } from "../support/workerd/remote.ts";
import type { CollectedSuite } from "../support/workerd/vitest.ts";

// What the suites inside workerd are worth: a test that ought to fail there fails here, and nothing is left out.

const suites = `
  import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
  const log = [];
  describe("outer", () => {
    beforeAll(() => { log.push("all"); });
    beforeEach(() => { log.push("each"); });
    afterEach(() => { log.push("after"); });
    it("holds", () => { expect(log).toEqual(["all", "each"]); });
    it("does not hold", () => { expect({ a: [1, 2] }).toEqual({ a: [1, 3] }); });
    it("rejects", async () => { await expect(Promise.resolve(1)).rejects.toThrow("x"); });
    it("asks vitest's state", () => { expect(3).toSatisfy((n) => n === 3); });
    it("throws", () => { throw new TypeError("what happened"); });
    it("hangs", () => new Promise(() => {}), 1_000);
    describe.each([["one", 1], ["two", 2]])("the number %s", (_, n) => {
      it.each([{ by: 2 }])("is multiplied by $by", ({ by }) => { expect(n * by).toBe(2); });
    });
  });
  export { default } from "./worker.ts";
`;

describe("the suites inside workerd", () => {
  let worker: Miniflare;
  let outer: CollectedSuite;

  beforeAll(async () => {
    worker = await startWorker(suites, { warn: () => {} });
    const { suite } = await takeInventory(worker);
    outer = suite.children[0] as CollectedSuite;
  }, 30_000);
  afterAll(() => worker.dispose());

  const run = (name: string, suite = outer) => {
    const test = suite.children.find((child) => child.name === name);
    return runInside(worker, test && "step" in test ? test.step : -1);
  };

  it("are told with their names, hooks and timeouts", () => {
    const names = outer.children.map(({ name }) => name);
    expect(names).toEqual([
      "holds",
      "does not hold",
      "rejects",
      "asks vitest's state",
      "throws",
      "hangs",
      "the number one",
      "the number two",
    ]);
    expect(outer.before).toHaveLength(1);
    expect(outer.children[5]).toMatchObject({ timeout: 1_000 });
  });

  it("pass where the hooks ran in their order and the expectation holds", async () => {
    for (const { step } of outer.before) await runInside(worker, step);
    await expect(run("holds")).resolves.toBeUndefined();
    await expect(run("asks vitest's state")).resolves.toBeUndefined();
  });

  it.each([
    ["does not hold", /AssertionError: expected \{ a: \[ 1, 2 \] \} to deeply equal \{ a: \[ 1, 3 \] \}/],
    ["rejects", /resolved "?1"? instead of rejecting/],
    ["throws", /TypeError: what happened/],
    ["hangs", /hung|never generate a response/],
  ])("report the test that %s", async (name, message) => {
    await expect(run(name)).rejects.toThrow(message);
  });

  it("of a table get their values", async () => {
    const [one, two] = outer.children.slice(-2) as CollectedSuite[];
    await run("is multiplied by 2", one);
    await expect(run("is multiplied by 2", two)).rejects.toThrow("expected 4 to be 2");
  });

  it("cannot import what only Node has", async () => {
    await expect(startWorker(`import "node:fs"; export default {};`)).rejects.toThrow("node:fs");
  });
});
