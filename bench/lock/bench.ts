// The lock beside its peers, in one process against one redis-server: `node bench/lock/bench.ts [--quick]`.
// Medians of interleaved rounds, so that a noisy minute hits all alike; ratios are to this package on the same transport.
import { Redis as Client } from "ioredis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { startRedis } from "../../test/support/redis-server.ts";
import { type Address, type Contestant, contestants, type Take } from "./contestants.ts";

const quick = process.argv.includes("--quick");
const rounds = quick ? 5 : 9;
const cycles = quick ? 200 : 2_000;
const waiters = 50;
const hold = 5;
const token = "the-token-of-the-bench";

const server = await startRedis();
const client = new Client({ host: server.host, port: server.port });
const gateway = await serveGateway(ioredis(client), { tokens: [token] });
const at: Address = { host: server.host, port: server.port, url: gateway.url, token };

try {
  await uncontended();
  await contended();
} finally {
  await gateway.close(0);
  client.disconnect();
  await server.stop();
}
process.exit(0);

/** Acquire and release, one at a time and 64 at a time. */
async function uncontended(): Promise<void> {
  await compare("Uncontended: acquire and release", {
    "p50 ms": async (take) => {
      const times: number[] = [];
      for (let i = 0; i < cycles; i += 1) {
        const start = performance.now();
        await (
          await take("one")
        )();
        times.push(performance.now() - start);
      }
      return median(times);
    },
    "ms for 1,000 at c=64": async (take) => {
      // Enough for the code to be compiled, also in the quick mode.
      const n = 4_000;
      let next = 0;
      const start = performance.now();
      const lane = async (_: unknown, i: number) => {
        while ((next += 1) <= n) await (await take(`lane ${i}`))();
      };
      await Promise.all(Array.from({ length: 64 }, lane));
      return ((performance.now() - start) / n) * 1_000;
    },
    commands: async (take) => (await commandsOf(() => repeat(20, async () => (await take("one"))()))) / 20,
  });
}

/** 50 waiters who come 1 ms apart, 5 ms each; the first row says what the same holds cost one after another without a lock. */
async function contended(): Promise<void> {
  const seen = new Map<Take, Awaited<ReturnType<typeof crowd>>>();
  const last = (take: Take) => seen.get(take) ?? { total: 0, waits: [], outOfOrder: 0 };
  await compare("50 waiters, 1 ms apart, 5 ms each", {
    "total ms": async (take) => {
      seen.set(take, await crowd(take));
      return last(take).total;
    },
    "against no lock": async (take) => last(take).total / (await alone()),
    "p50 wait ms": async (take) => median(last(take).waits),
    "out of order": async (take) => last(take).outOfOrder,
    "commands each": async (take) => (await commandsOf(() => crowd(take))) / waiters,
  });
}

async function crowd(take: Take) {
  const served: number[] = [];
  const waits: number[] = [];
  const start = performance.now();
  await Promise.all(
    Array.from({ length: waiters }, async (_, i) => {
      await pause(i);
      const asked = performance.now();
      const release = await take("crowd");
      waits.push(performance.now() - asked);
      served.push(i);
      await pause(hold);
      await release();
    }),
  );
  const outOfOrder = served.filter((who, i) => served.slice(0, i).some((before) => before > who)).length;
  return { total: performance.now() - start, waits, outOfOrder };
}

async function alone(): Promise<number> {
  const start = performance.now();
  await repeat(waiters, () => pause(hold));
  return performance.now() - start;
}

type Column = (take: Take) => Promise<number>;

async function compare(title: string, columns: Record<string, Column>): Promise<void> {
  const opened = await Promise.all(contestants.map(async (one) => ({ one, instance: await one.open(at) })));
  const measured = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round += 1) {
    for (const [column, run] of Object.entries(columns)) {
      // Nobody always comes after the same one, whose garbage it would sweep.
      const turn = round % opened.length;
      for (const { one, instance } of [...opened.slice(turn), ...opened.slice(0, turn)]) {
        const result = await run(instance.take);
        // The first round warms scripts and code.
        if (round > 0) measured.set(keyOf(one, column), [...(measured.get(keyOf(one, column)) ?? []), result]);
      }
    }
  }
  for (const { instance } of opened) instance.close();
  const cell = (one: Contestant, column: string) => {
    const ours = contestants.find(({ transport }) => transport === one.transport) ?? one;
    const value = median(measured.get(keyOf(one, column)) ?? []);
    const base = median(measured.get(keyOf(ours, column)) ?? []);
    return one === ours || base === 0 ? value.toFixed(2) : `${value.toFixed(2)} (${(value / base).toFixed(2)}x)`;
  };
  const row = (one: Contestant) =>
    Object.fromEntries(Object.keys(columns).map((column) => [column, cell(one, column)]));
  console.log(`\n${title}`);
  console.table(Object.fromEntries(contestants.map((one) => [`${one.name}, ${one.transport}`, row(one)])));
}

function keyOf(one: Contestant, column: string): string {
  return `${one.name} ${column}`;
}

/** Top-level commands: those inside scripts cost no trip. */
async function commandsOf(work: () => Promise<unknown>): Promise<number> {
  const monitor = await new Client({ host: server.host, port: server.port }).monitor();
  let count = 0;
  monitor.on("monitor", (_time: string, _command: string[], source: string) => {
    if (source !== "lua") count += 1;
  });
  await work();
  await pause(20);
  monitor.disconnect();
  return count;
}

async function repeat(n: number, work: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < n; i += 1) await work();
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
