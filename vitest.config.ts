import { defineConfig } from "vitest/config";
import { embeddedEngineInTests } from "./scripts/embedded-engine.ts";
import { long } from "./test/support/long.ts";
import { WorkersFirst } from "./test/support/sequencer.ts";
import { workers } from "./test/support/workers.ts";

/** What runs the source of the embedded engine: it is changed on its way, as in the build. */
const withEngine = {
  plugins: [embeddedEngineInTests],
  test: { server: { deps: { inline: [/js-redis-server/, /lua-redis-wasm/] } } },
};

export default defineConfig({
  ...withEngine,
  test: {
    ...withEngine.test,
    maxWorkers: workers,
    sequence: { sequencer: WorkersFirst },
    projects: [
      {
        extends: true,
        // Pure parts, and whatever needs neither the list of backends nor a Cluster.
        test: { name: "unit", include: ["test/{unit,docs}/**/*.test.ts"] },
      },
      {
        extends: true,
        // Every pattern on every backend. These files are portable: they also run inside workerd.
        test: {
          name: "contract",
          include: ["test/contract/**/*.test.ts"],
          globalSetup: ["test/support/global-cluster.ts"],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        // The contract suites again, bundled and run inside workerd, where there is no Node.
        test: { name: "workerd", include: ["test/workerd/**/*.test.ts"], testTimeout: 60_000 },
      },
      {
        extends: true,
        // Servers paused and killed, replies lost, clocks moved.
        test: { name: "faults", include: ["test/faults/**/*.test.ts"], testTimeout: 60_000 },
      },
      {
        extends: true,
        // The REST protocol in front of a Redis: its table, its clients, its abuse.
        test: { name: "gateway", include: ["test/gateway/**/*.test.ts"], testTimeout: 30_000 },
      },
      {
        extends: true,
        // Applications of real frameworks, asked over HTTP.
        test: { name: "http", include: ["test/http/**/*.test.ts"], testTimeout: 30_000, hookTimeout: 30_000 },
      },
      {
        extends: true,
        // What is published: the packed tarball in other people's set-ups, and the rules that keep the source in shape.
        test: {
          name: "package",
          include: ["test/package/**/*.test.ts"],
          globalSetup: ["test/support/built.ts", "test/support/packed-once.ts"],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      // Other versions of the server, which take minutes.
      ...(long
        ? [{ extends: true, test: { name: "servers", include: ["test/servers/**/*.test.ts"], testTimeout: 900_000 } }]
        : []),
      {
        extends: true,
        // The examples, which import the package by its name and so need it built.
        test: {
          name: "examples",
          include: ["*-example/test/**/*.test.ts"],
          globalSetup: ["test/support/built.ts"],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
