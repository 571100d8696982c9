// The lock beside its peers, in one process against one redis-server: `npm run bench -- lock`.
import { Redis as Client } from "ioredis";
import type { Asked, Contender, Load } from "../harness/contender.ts";
import { httpLimits, tcpLimits } from "../harness/limits.ts";
import { run } from "../harness/run.ts";
import { openScene } from "../harness/scene.ts";
import { pause, rateAndTimes } from "../harness/work.ts";
import { locksOverHttp, locksOverTcp } from "./contenders.ts";
import { crowd, holdsAlone } from "./crowd.ts";
import type { LockInstance } from "./instance.ts";

const undisturbed = [loadOf(1, 1_000), loadOf(64, 5_000), loadOf(512, 8_000)];

const crowded: Load<LockInstance> = {
  calls: 1,
  columns: [
    { name: "50 waiters", unit: "ms for all", better: "less" },
    { name: "50 waiters", unit: "times what no lock takes" },
    { name: "50 waiters", unit: "p50 ms of waiting" },
    { name: "50 waiters", unit: "out of order" },
  ],
  async run({ take }) {
    const { total, wait, outOfOrder } = await crowd(take);
    return [total, total / (await holdsAlone()), wait, outOfOrder];
  },
};

await run("lock", async (bench) => {
  const { at, close } = await openScene();
  const transports = [
    { transport: "HTTP", locks: locksOverHttp(at, bench.before), limits: httpLimits(at) },
    { transport: "TCP", locks: locksOverTcp(at, bench.before), limits: tcpLimits(at) },
  ];
  for (const { transport, locks, limits } of transports) {
    const title = `Lock over ${transport}`;
    const contenders: readonly Contender<Asked>[] = [...locks, ...limits.map(twoTrips)];
    await bench.measure({ title: `${title}: acquire and release, nobody waits`, contenders, loads: undisturbed });
    await bench.measure({ title: `${title}: 50 waiters, 1 ms apart, 5 ms each`, contenders: locks, loads: [crowded] });
    await bench.tell(`${title}: commands`, async () => ({
      columns: ["a cycle that nobody disturbs", "each of 50 waiters"],
      rows: await commandsOfAll(locks),
    }));
  }
  await close();

  async function commandsOfAll(locks: readonly Contender<LockInstance>[]) {
    const rows = [];
    for (const { name, open } of locks.filter(({ role }) => role !== "control")) {
      const { call, take, close } = await open();
      await call("one");
      const alone = await commandsOf(async () => {
        for (let i = 0; i < 20; i += 1) await call("one");
      });
      const together = await commandsOf(() => crowd(take));
      await close();
      rows.push({ name, cells: [(alone / 20).toFixed(2), (together / 50).toFixed(2)] });
    }
    return rows;
  }

  /** Top-level commands: those inside scripts cost no trip. */
  async function commandsOf(work: () => Promise<unknown>): Promise<number> {
    const monitor = await new Client({ host: at.host, port: at.port }).monitor();
    let count = 0;
    monitor.on("monitor", (_time: string, _command: string[], source: string) => {
      if (source !== "lua") count += 1;
    });
    await work();
    await pause(20);
    monitor.disconnect();
    return count;
  }
});

function loadOf(concurrency: number, calls: number): Load<Asked> {
  const name = `${concurrency} at a time`;
  return {
    calls,
    columns: [
      { name, unit: "cycles/s", better: "more" },
      { name, unit: "p50 ms" },
      { name, unit: "p99 ms" },
    ],
    // As many names as lanes at least, or lanes would wait for each other.
    run: ({ call }, calls) => rateAndTimes(concurrency, calls, (i) => call(`name ${i % 4_096}`)),
  };
}

/** A lock takes two trips: so does its limit. */
function twoTrips({ name, open, ...rest }: Contender<Asked>): Contender<Asked> {
  const openTwice = async () => {
    const { call, close } = await open();
    return { close, call: async (id: string) => [await call(id), await call(id)] };
  };
  return { ...rest, name: `2 x ${name}`, open: openTwice };
}
