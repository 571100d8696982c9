// The limiter beside its peers, in one process against one redis-server: `node bench/limiter/bench.ts [--quick]`.
// Medians of interleaved rounds, so that a noisy minute hits all alike; ratios are to this package, same algorithm and transport.
import { Redis as Client } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { startRedis } from "../../test/support/redis-server.ts";
import { type Address, type Contestant, contestants, type Decide } from "./contestants.ts";

const quick = process.argv.includes("--quick");
const rounds = quick ? 5 : 9;
const ids = Array.from({ length: 200 }, (_, i) => `user ${i}`);
const loads = [
  { concurrency: 1, decisions: quick ? 200 : 2_000 },
  { concurrency: 64, decisions: quick ? 1_000 : 10_000 },
  { concurrency: 512, decisions: quick ? 1_500 : 15_000 },
];
const token = "the-token-of-the-bench";

const server = await startRedis();
const admin = new Client({ host: server.host, port: server.port });
const gateway = await serveGateway(ioredis(admin), { tokens: [token] });
const at: Address = { host: server.host, port: server.port, url: gateway.url, token };
const order = contestants.toSorted((a, b) => groupOf(a).localeCompare(groupOf(b)));
const opened = await Promise.all(order.map(async (one) => ({ one, instance: await one.open(at) })));

try {
  const costs = new Map<Contestant, Cost>();
  for (const { one, instance } of opened) costs.set(one, await costOf(instance.decide));
  for (const load of loads) await compare(load);
  console.log("\nWhat one decision asks of Redis");
  console.table(Object.fromEntries(order.map((one) => [rowOf(one), costs.get(one)])));
} finally {
  for (const { instance } of opened) instance.close();
  await gateway.close(0);
  admin.disconnect();
  await server.stop();
}
process.exit(0);

interface Run {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

async function compare({ concurrency, decisions }: { readonly concurrency: number; readonly decisions: number }) {
  const runs = new Map<Contestant, Run[]>(order.map((one) => [one, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const { one, instance } of opened) {
      const run = await measure(instance.decide, concurrency, decisions);
      // The first round warms scripts and code.
      if (round > 0) runs.get(one)?.push(run);
    }
  }
  const typical = (one: Contestant, of: keyof Run) => median((runs.get(one) ?? []).map((run) => run[of]));
  const rows = order.map((one) => {
    const ours = order.find((other) => groupOf(other) === groupOf(one)) ?? one;
    const row = {
      "decisions/s": Math.round(typical(one, "rate")),
      "to ours": `${(typical(one, "rate") / typical(ours, "rate")).toFixed(2)}x`,
      "p50 ms": typical(one, "p50").toFixed(3),
      "p99 ms": typical(one, "p99").toFixed(3),
    };
    return [rowOf(one), row];
  });
  console.log(`\n${concurrency} at a time`);
  console.table(Object.fromEntries(rows));
}

async function measure(decide: Decide, concurrency: number, decisions: number): Promise<Run> {
  const times: number[] = [];
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < decisions; i = next++) {
      const asked = performance.now();
      if (!(await decide(ids[i % ids.length] ?? ""))) throw new Error("refused below the limit");
      times.push(performance.now() - asked);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: concurrency }, lane));
  const rate = decisions / ((performance.now() - start) / 1_000);
  return { rate, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
}

interface Cost {
  /** What the server executes for an id that it knows, the commands inside the script and the script included. */
  readonly commands: string;
  /** Memory of everything that is kept for one id, names included. */
  readonly "bytes per id": number;
}

async function costOf(decide: Decide): Promise<Cost> {
  await admin.flushdb();
  for (const id of ids) await decide(id);
  let bytes = 0;
  for (const key of await admin.keys("*")) bytes += (await admin.memory("USAGE", key, "SAMPLES", 0)) ?? 0;
  await admin.config("RESETSTAT");
  for (const id of ids) await decide(id);
  const calls = [...(await admin.info("commandstats")).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)];
  const own = calls.filter(([, name = ""]) => !/^(info|config|ping)/.test(name));
  const sum = own.reduce((total, [, , n]) => total + Number(n), 0);
  return { commands: (sum / ids.length).toFixed(2), "bytes per id": Math.round(bytes / ids.length) };
}

function groupOf({ algorithm, transport }: Contestant): string {
  return `${algorithm} over ${transport}`;
}

function rowOf(one: Contestant): string {
  return `${groupOf(one)}: ${one.name}`;
}

function quantile(values: readonly number[], q: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * q)] ?? 0;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}
