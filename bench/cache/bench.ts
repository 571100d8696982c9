// The cache beside its peers, in one process against one redis-server: `node bench/cache/bench.ts [--quick]`.
// Ratios are to a raw GET and JSON.parse in the same round; medians of interleaved rounds, so that a noisy minute hits all alike.
import { startCuttingProxy } from "../../test/support/cutting-proxy.ts";
import { freePort, startRedis } from "../../test/support/redis-server.ts";
import { type Address, type Contestant, contestants, type Instance, type Load } from "./contestants.ts";

const quick = process.argv.includes("--quick");
const rounds = quick ? 3 : 7;
const calls = quick ? 2_000 : 20_000;
const patience = quick ? 3_000 : 15_000;
// More than there are calls at once, or those who share the reads of one key would be measured at that.
const keys = 1_000;
const sizes = { "118 B": 60, "7 kB": 7_100, "100 kB": 100_000 };

type Column = (instance: Instance, round: number) => Promise<number | undefined>;

// Those that share values between processes.
const shared = contestants.filter(({ name }) => name !== "lru-cache");
const server = await startRedis();
try {
  for (const [size, length] of Object.entries(sizes)) {
    const value = { id: 42, name: "x".repeat(length), tags: ["a", "b"], at: "2026-01-01T00:00:00Z" };
    const n = Math.max(200, Math.round(calls / Math.max(1, length / 700)));
    const columns: Record<string, Column> = {
      "hit, c=1": async ({ get }) => get && rate(Math.round(n / 5), 1, (i) => get(`${size}${i % keys}`, () => value)),
      "hit, c=64": async ({ get }) => get && rate(n, 64, (i) => get(`${size}${i % keys}`, () => value)),
      "hit, c=512": async ({ get }) => get && rate(n, 512, (i) => get(`${size}${i % keys}`, () => value)),
      "hit, 3 tags, c=64": async ({ tagged }) =>
        tagged && rate(Math.round(n / 4), 64, (i) => tagged(`${size}${i % keys}`, () => value)),
      "miss, c=64": async ({ get }, round) =>
        get && rate(Math.round(n / 4), 64, (i) => get(`${size}miss${round}-${i}`, () => value)),
      "local hit": async ({ local }) =>
        local && rate(quick ? 50_000 : 500_000, 1, (i) => local(`${size}${i % keys}`, () => value)),
    };
    await compare(`${size}, calls per second (and against raw)`, columns, server);
  }
  await stampedes(server);
  await outages();
} finally {
  await server.stop();
}
process.exit(0);

async function compare(title: string, columns: Record<string, Column>, at: Address): Promise<void> {
  const rows = contestants.filter(isMeasuredOtherwise);
  const opened = await Promise.all(rows.map(async (one) => ({ name: one.name, instance: await one.open(at) })));
  const measured = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [column, run] of Object.entries(columns)) {
      for (const { name, instance } of opened) {
        const result = await run(instance, round);
        // The first round fills the cache and warms the code.
        if (round === 0 || result === undefined) continue;
        const list = measured.get(`${name} ${column}`) ?? [];
        measured.set(`${name} ${column}`, [...list, result]);
      }
    }
  }
  for (const { instance } of opened) await instance.close();
  const raw = rows[0]?.name ?? "";
  const cell = (name: string, column: string) => {
    const results = measured.get(`${name} ${column}`);
    if (!results) return "-";
    const base = measured.get(`${raw} ${column}`);
    const ratio = base ? ` (${median(results.map((result, i) => result / (base[i] ?? 1))).toFixed(2)})` : "";
    return `${Math.round(median(results)).toLocaleString("en")}${ratio}`;
  };
  console.log(`\n${title}`);
  console.table(
    Object.fromEntries(
      rows.map(({ name }) => [
        name,
        Object.fromEntries(Object.keys(columns).map((column) => [column, cell(name, column)])),
      ]),
    ),
  );
}

/** What differs from another row only while it waits for a load is measured at that alone. */
function isMeasuredOtherwise({ name }: Contestant): boolean {
  return name !== "redis-patterns, wake";
}

/** 10 instances with 20 callers each ask for a cold key, whose load takes 100 ms. */
async function stampedes(at: Address): Promise<void> {
  const table: Record<string, unknown> = {};
  for (const one of shared) {
    const instances = await Promise.all(Array.from({ length: 10 }, () => one.open(at)));
    const ask = (instance: Instance, key: string, load: Load) => (instance.cold ?? instance.get)?.(key, load);
    await Promise.all(instances.map((instance) => ask(instance, "warm", () => 1)));
    const loads: number[] = [];
    const times: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      let count = 0;
      const load = async () => {
        count += 1;
        await new Promise((resolve) => setTimeout(resolve, 100));
        return { count };
      };
      const start = performance.now();
      await Promise.all(instances.flatMap((each) => Array.from({ length: 20 }, () => ask(each, `cold${round}`, load))));
      times.push(performance.now() - start);
      loads.push(count);
    }
    for (const instance of instances) await instance.close();
    table[one.name] = { "origin calls": median(loads), "ms for all": Math.round(median(times)) };
  }
  console.log("\nStampede: 10 instances, 20 callers each, a load of 100 ms");
  console.table(table);
}

/** How long a call takes, and what it gives, while Redis refuses connections or swallows what it is sent. */
async function outages(): Promise<void> {
  const table: Record<string, unknown> = {};
  for (const one of shared.filter(isMeasuredOtherwise)) {
    const proxy = await startCuttingProxy(server);
    proxy.blackHole(true);
    table[one.name] = {
      refused: await timeToAnswer(one, { host: "127.0.0.1", port: await freePort() }),
      swallowed: await timeToAnswer(one, proxy),
    };
    await proxy.stop();
  }
  console.log(`\nRedis dead: time until the first and the fifth call have answered (given up after ${patience} ms)`);
  console.table(table);
}

async function timeToAnswer(one: Contestant, at: Address): Promise<string> {
  const times: string[] = [];
  const gaveUp = Symbol("gave up");
  const late = () => new Promise((resolve) => setTimeout(resolve, patience, gaveUp));
  const instance = await Promise.race([one.open(at), late()]);
  if (instance === gaveUp) return "did not open";
  for (let i = 0; i < 5; i += 1) {
    const start = performance.now();
    const call = Promise.resolve((instance as Instance).get?.(`dead${i}`, () => "origin")).then(
      (value) => (value === "origin" ? "value" : "wrong"),
      () => "error",
    );
    const outcome = await Promise.race([call, late()]);
    if (outcome === gaveUp) return [...times, `> ${patience} ms`].join(", ");
    if (i === 0 || i === 4) times.push(`${String(outcome)} ${Math.round(performance.now() - start)} ms`);
  }
  void (instance as Instance).close();
  return times.join(", ");
}

/** Calls per second, so many at once. */
async function rate(n: number, concurrency: number, call: (i: number) => Promise<unknown>): Promise<number> {
  let next = 0;
  const start = performance.now();
  const lane = async () => {
    while (next < n) {
      next += 1;
      await call(next);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
  return (n / (performance.now() - start)) * 1_000;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
