// How many files and functions of the core a call enters: `npm run paths`, with `-- --files` their names too, with `-- --json` for programs.
import { Session } from "node:inspector/promises";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { ioredis } from "../src/adapters/ioredis/index.ts";
import {
  createCache,
  createLimiter,
  createLock,
  createSessions,
  hours,
  minutes,
  seconds,
  slidingWindow,
} from "../src/index.ts";
import { startRedis } from "../test/support/redis-server.ts";

/** What one call entered. */
interface Path {
  readonly call: string;
  readonly functions: number;
  readonly files: readonly string[];
}

const root = fileURLToPath(new URL("../", import.meta.url));
const args = process.argv.slice(2);

const server = await startRedis();
const client = new Redis({ host: server.host, port: server.port });
const inspector = new Session();
inspector.connect();
await inspector.post("Profiler.enable");
await inspector.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });

try {
  const paths = await measureAll();
  if (args.includes("--json")) console.log(JSON.stringify(paths));
  else print(paths);
} finally {
  inspector.disconnect();
  client.disconnect();
  await server.stop();
}

/** The usual calls over TCP, each made before, so that its script is loaded and nothing is done for the first time. */
async function measureAll(): Promise<Path[]> {
  const redis = ioredis(client);
  const cache = createCache<number>(redis, { prefix: "user", ttl: minutes(5) });
  const limiter = createLimiter(redis, {
    prefix: "api",
    algorithm: slidingWindow({ limit: 100, window: seconds(60) }),
  });
  const locks = createLock(redis, { prefix: "job", ttl: seconds(10) });
  const sessions = createSessions<{ cart: string[] }>(redis, {
    prefix: "shop",
    idle: minutes(30),
    absolute: hours(12),
  });
  const { token } = await sessions.create({ user: "ada", data: { cart: ["book"] } });
  let id = 0;
  const miss = () => cache.getOrSet(`cold:${(id += 1)}`, () => id);
  const hit = () => cache.getOrSet("warm", () => 1);
  for (let i = 0; i < 3; i += 1)
    await Promise.all([miss(), limiter.limit("ada"), locks.run(`warm:${i}`, () => 1), sessions.read(token)]);
  await hit();
  await hit();
  return [
    await measure("cache: hit", hit),
    // After a hit it asks with a plain GET first, so that it is the longest way.
    await measure("cache: miss after a hit", miss),
    await measure("limiter: limit", () => limiter.limit("ada")),
    await measure("lock: run", () => locks.run("job", () => 1)),
    await measure("session: read", () => sessions.read(token)),
  ];
}

async function measure(call: string, work: () => Promise<unknown>): Promise<Path> {
  await inspector.post("Profiler.takePreciseCoverage");
  await work();
  const { result } = await inspector.post("Profiler.takePreciseCoverage");
  const entered = result
    .filter(({ url }) => url.includes("/src/core/"))
    .map(({ url, functions }) => ({
      file: relative(root, fileURLToPath(url)),
      called: functions.filter(isCalled).length,
    }))
    .filter(({ called }) => called > 0);
  const functions = entered.reduce((sum, { called }) => sum + called, 0);
  return { call, functions, files: entered.map(({ file }) => file).toSorted() };
}

function isCalled({ ranges }: { readonly ranges: readonly { readonly count: number }[] }): boolean {
  return (ranges[0]?.count ?? 0) > 0;
}

function print(paths: readonly Path[]): void {
  console.table(paths.map(({ call, functions, files }) => ({ call, files: files.length, functions })));
  if (args.includes("--files")) for (const { call, files } of paths) console.log(`\n${call}\n  ${files.join("\n  ")}`);
}
