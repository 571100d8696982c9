import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { entryNames, manifest } from "../../scripts/entries.ts";
import { sized } from "../support/long.ts";
import { currentNode, oldestNode } from "./node-versions.ts";
import { type App, createApp, root } from "./packed.ts";

const nodes = [
  ["Node 20", oldestNode],
  ["Node 24", () => currentNode],
] as const;

const specifiers = entryNames.map((name) => (name === "index" ? manifest.name : `${manifest.name}/${name}`));
const bin = (name: string) => join(root, "node_modules", name);

/** Imports every entry and prints what shows that each was loaded, and loaded once. */
const program = `
import { OptionError } from "redis-patterns";
import { createLock, type Locks } from "redis-patterns/lock";
import { rest } from "redis-patterns/rest";
${specifiers.map((specifier, i) => `import * as entry${i} from "${specifier}";`).join("\n")}

const sizes: number[] = [${specifiers.map((_, i) => `Object.keys(entry${i}).length`).join(", ")}];
const locks: Locks = createLock(rest({ url: "https://example.com", token: "secret" }), {
  prefix: "job",
  ttl: 1_000,
});

function refusal(): unknown {
  try {
    return rest({ url: "", token: "" });
  } catch (error) {
    return error;
  }
}

console.log(JSON.stringify({
  loaded: sizes.every((size) => size > 0),
  works: typeof locks.tryAcquire,
  oneClass: refusal() instanceof OptionError,
}));
`;

const asExpected = JSON.stringify({ loaded: true, works: "function", oneClass: true });

const compilerOptions = {
  target: "es2022",
  lib: ["es2023", "esnext.disposable", "dom"],
  types: [],
  strict: true,
  // The packed types are checked; those of the language need not be, which takes most of the time.
  skipDefaultLibCheck: true,
  outDir: "built",
};

// One project with the packed package, in which each app has a folder: packing and installing it takes seconds.
let app: App;
beforeAll(() => {
  app = createApp();
});
afterAll(() => app.remove());

// Each type compiles with both modules in `npm run test:long`: with one alone it takes half the time.
describe.each([
  ["commonjs", sized(["node20", "nodenext"], ["nodenext"])],
  ["module", sized(["nodenext", "node20"], ["node20"])],
] as const)("a TypeScript app of type %s", (type, modules) => {
  beforeAll(() => {
    app.write(`${type}/package.json`, JSON.stringify({ name: type, private: true, type }));
    app.write(`${type}/main.ts`, program);
  });

  it.each(modules)("compiles with module %s against the packed types", (module) => {
    const config = { compilerOptions: { ...compilerOptions, module }, files: ["main.ts"] };
    app.write(`${type}/tsconfig.json`, JSON.stringify(config));
    expect(app.run(currentNode, bin("typescript/bin/tsc"), "--project", type)).toBe("");
  });

  it.each(nodes)("runs on %s with one copy of each class", (_, node) => {
    expect(app.run(node(), `${type}/built/main.js`).trim()).toBe(asExpected);
  });

  it.each(nodes)("gets the same module from require and import on %s", (_, node) => {
    app.write(
      `${type}/same.cjs`,
      `(async () => {
        for (const name of ${JSON.stringify(specifiers)})
          if (require(name) !== await import(name)) console.log("two copies of " + name);
      })();`,
    );
    expect(app.run(node(), `${type}/same.cjs`)).toBe("");
  });

  it.each(nodes)("has the command on %s", (_, node) => {
    expect(app.run(node(), "node_modules/redis-patterns/dist/cli.js", "--help")).toContain("gateway");
  });
});

describe("a Jest suite with Jest's defaults", () => {
  beforeAll(() => {
    app.write("jest/package.json", JSON.stringify({ name: "jest-app", private: true, type: "commonjs" }));
    app.write(
      "jest/entries.test.js",
      `const { OptionError } = require("redis-patterns");
      test.each(${JSON.stringify(specifiers)})("%s", (name) => {
        expect(Object.keys(require(name))).not.toEqual([]);
      });
      test("one copy of each class", () => {
        const { rest } = require("redis-patterns/rest");
        expect(() => rest({ url: "", token: "" })).toThrow(OptionError);
      });`,
    );
  });

  it.each(nodes)("imports every entry on %s", (_, node) => {
    const report: unknown = JSON.parse(
      app.run(node(), bin("jest/bin/jest.js"), "--rootDir", `${app.folder}/jest`, "--ci", "--json"),
    );
    expect(report).toMatchObject({ success: true, numPassedTests: specifiers.length + 1, numFailedTests: 0 });
  });
});
