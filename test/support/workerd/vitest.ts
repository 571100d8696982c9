import type { ExpectStatic } from "vitest";

/**
 * Takes the place of "vitest" inside a Worker. `describe` and `it` only collect; the real vitest outside asks for each step by
 * its number, one request to the Worker each. `expect` is vitest's own.
 */

type Step = () => unknown;

/** A test, as told to the outside. */
export interface CollectedTest {
  readonly name: string;
  readonly step: number;
  readonly timeout?: number | undefined;
}

/** A suite, as told to the outside. */
export interface CollectedSuite {
  readonly name: string;
  readonly children: (CollectedSuite | CollectedTest)[];
  readonly before: CollectedTest[];
  readonly after: CollectedTest[];
}

interface Suite extends CollectedSuite {
  readonly parent: Suite | undefined;
  readonly beforeEach: Step[];
  readonly afterEach: Step[];
}

const root = suiteOf("", undefined);
const steps: Step[] = [];
let current = root;

/** What the file declared, as JSON. */
export function collected(): string {
  return JSON.stringify(root, (key, value: unknown) =>
    ["parent", "beforeEach", "afterEach"].includes(key) ? undefined : value,
  );
}

/** Runs one test or hook. */
export async function runStep(step: number): Promise<void> {
  // Vitest's own module draws random values when it loads, which a Worker may do while it handles a request only.
  actual ??= await loadExpect();
  await steps[step]?.();
}

/** Begins a test file: what is declared from here on belongs to a suite of its name. */
export function file(name: string): void {
  current = suiteOf(name, root);
  root.children.push(current);
}

export function describe(name: string, declare: () => void): void {
  const parent = current;
  current = suiteOf(name, parent);
  parent.children.push(current);
  declare();
  current = parent;
}

describe.each = each(describe);

export function it(name: string, body: Step, timeout?: number): void {
  const suite = current;
  const run = async () => {
    const path = ancestors(suite);
    for (const hook of path.flatMap((each) => each.beforeEach)) await hook();
    try {
      await body();
    } finally {
      for (const hook of path.toReversed().flatMap((each) => each.afterEach)) await hook();
    }
  };
  suite.children.push(numbered(name, run, timeout));
}

it.each = each(it);
export { it as test };

export function beforeAll(hook: Step, timeout?: number): void {
  current.before.push(numbered("", hook, timeout));
}

export function afterAll(hook: Step, timeout?: number): void {
  current.after.push(numbered("", hook, timeout));
}

export function beforeEach(hook: Step): void {
  current.beforeEach.push(hook);
}

export function afterEach(hook: Step): void {
  current.afterEach.push(hook);
}

let actual: ExpectStatic | undefined;

/** Some matchers ask for the path of the test file and for the configuration, which vitest keeps in a global. */
async function loadExpect(): Promise<ExpectStatic> {
  Object.assign(globalThis, { __vitest_worker__: { filepath: "", config: { expect: {}, snapshotOptions: {} } } });
  const { expect } = await import("vitest");
  return expect;
}

export const expect: ExpectStatic = new Proxy(function expect() {} as unknown as ExpectStatic, {
  apply: (_, self, args: Parameters<ExpectStatic>) => Reflect.apply(loaded(), self, args),
  get: (_, name) => Reflect.get(loaded(), name),
});

function loaded(): ExpectStatic {
  if (actual) return actual;
  throw new Error("Inside a Worker, `expect` works in tests and hooks only");
}

function suiteOf(name: string, parent: Suite | undefined): Suite {
  return { name, parent, children: [], before: [], after: [], beforeEach: [], afterEach: [] };
}

function numbered(name: string, run: Step, timeout?: number): CollectedTest {
  return { name, step: steps.push(run) - 1, timeout };
}

function ancestors(suite: Suite | undefined): Suite[] {
  return suite ? [...ancestors(suite.parent), suite] : [];
}

function each(declare: (name: string, body: () => unknown, timeout?: number) => void) {
  return (rows: readonly unknown[]) => (name: string, body: (...values: unknown[]) => unknown, timeout?: number) => {
    for (const row of rows) {
      const values: readonly unknown[] = Array.isArray(row) ? row : [row];
      declare(titled(name, values), () => body(...values), timeout);
    }
  };
}

function titled(name: string, values: readonly unknown[]): string {
  let next = 0;
  return name
    .replace(/%[sdifjo]/g, () => String(values[next++]))
    .replace(/\$(\w+)/g, (_, field: string) => String(Reflect.get(Object(values[0]), field)));
}
