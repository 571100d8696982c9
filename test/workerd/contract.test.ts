// The names, the bodies and the checks are those of the suites inside; this file only passes them on.
/* oxlint-disable vitest/expect-expect, vitest/valid-title, vitest/no-conditional-tests, vitest/valid-describe-callback */
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { type GatewayServer, serveGateway } from "../../src/cli/serve.ts";
import { long } from "../support/long.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { openBackDoor } from "../support/workerd/back-door.ts";
import { startWorker, suiteSource } from "../support/workerd/bundle.ts";
import { type Inventory, runInside, takeInventory } from "../support/workerd/remote.ts";
import type { CollectedSuite, CollectedTest } from "../support/workerd/vitest.ts";

// Every contract suite once more, inside workerd without nodejs_compat. Each test is a request of its own to the Worker, as its
// callers' are, and all of them go through ports that the first request made.

const token = "the-token-of-the-tests";
let server: RedisServer;
let client: Redis;
let listener: Redis;
let gateway: GatewayServer;
let backDoor: Awaited<ReturnType<typeof openBackDoor>>;

beforeAll(async () => {
  server = await startRedis();
  client = new Redis({ host: server.host, port: server.port });
  listener = client.duplicate();
  const subscriber = ioredisSubscriber(listener, { timeout: 15_000 });
  gateway = await serveGateway(ioredis(client, { timeout: 15_000 }), { tokens: [token], subscriber });
  backDoor = await openBackDoor(ioredis(client));
}, 30_000);

afterAll(async () => {
  backDoor.close();
  await gateway.close(0);
  for (const each of [client, listener]) each.disconnect();
  await server.stop();
});

const folder = fileURLToPath(new URL("../contract/", import.meta.url));
const files = globSync("*.test.ts", { cwd: folder }).sort();

// One Worker for all files: bundling and starting one takes more than a second.
const worker = await startWorker(suiteSource(folder, files)).catch(() => undefined);
if (worker) declareFiles(worker, await takeInventory(worker));
else for (const file of files) await declareLoading(file);

function declareFiles(worker: Miniflare, inventory: Inventory): void {
  const chosen = stepsOf(inventory.suite);
  afterAll(() => worker.dispose());
  it("all files run without process and Buffer, and have tests", () => {
    expect(inventory).toMatchObject({ process: "undefined", Buffer: "undefined" });
    expect(inventory.suite.children.map(({ name }) => name)).toEqual(files);
    expect(inventory.suite.children.filter((file) => isTest(file) || !hasSome(file, chosen))).toEqual([]);
  });
  declare(worker, inventory.suite, chosen);
}

/** Where they do not load together: each file alone, so that the one is named that does not. */
async function declareLoading(file: string): Promise<void> {
  const outcome = await startWorker(suiteSource(folder, [file])).then(
    (alone) => alone.dispose(),
    (error: unknown) => error,
  );
  it(`${file} loads in workerd`, () => {
    if (outcome !== undefined) throw outcome;
  });
}

/**
 * The tests that run: in `npm run test:long` every test on both clients. In `npm test` every third test of a file, on one of the clients
 * that have it, in turn: all of them run outside, too.
 */
function stepsOf(root: CollectedSuite): ReadonlySet<number> {
  return new Set(root.children.flatMap((file) => (isTest(file) ? [file.step] : stepsOfFile(file))));
}

function stepsOfFile(file: CollectedSuite): readonly number[] {
  const tests = new Map<string, number[]>();
  const collect = (suite: CollectedSuite, path: string): void => {
    for (const child of suite.children) {
      const name = `${path} > ${child.name.replace(/ on (rest|upstash), in workerd$/, "")}`;
      if (isTest(child)) tests.set(name, [...(tests.get(name) ?? []), child.step]);
      else collect(child, name);
    }
  };
  collect(file, "");
  if (long) return [...tests.values()].flat();
  const everyThird = [...tests.values()].filter((_, i) => i % 3 === 0);
  return everyThird.flatMap((steps, turn) => steps[turn % steps.length] ?? []);
}

/** Gives the suites of the Worker the same places outside, so that each of its tests is reported as one. */
function declare(worker: Miniflare, suite: CollectedSuite, chosen: ReadonlySet<number>): void {
  for (const { step, timeout } of suite.before) beforeAll(() => run(worker, step), timeout);
  for (const { step, timeout } of suite.after) afterAll(() => run(worker, step), timeout);
  for (const child of suite.children) {
    if (!hasSome(child, chosen)) continue;
    if (isTest(child)) it(child.name, () => run(worker, child.step), child.timeout);
    else describe(child.name, () => declare(worker, child, chosen));
  }
}

function hasSome(child: CollectedSuite | CollectedTest, chosen: ReadonlySet<number>): boolean {
  return isTest(child) ? chosen.has(child.step) : child.children.some((each) => hasSome(each, chosen));
}

function isTest(child: CollectedSuite | CollectedTest): child is CollectedTest {
  return "step" in child;
}

function run(worker: Miniflare, step: number): Promise<void> {
  return runInside(worker, step, {
    gateway: { url: gateway.url, token },
    backDoor: { url: backDoor.url, token },
  });
}
