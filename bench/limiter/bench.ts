// The limiter beside its peers, in one process against one redis-server: `npm run bench -- limiter`.
import type { Asked, Contender, Load } from "../harness/contender.ts";
import { httpLimits, tcpLimits } from "../harness/limits.ts";
import { run } from "../harness/run.ts";
import { type Address, openScene } from "../harness/scene.ts";
import { rateAndTimes } from "../harness/work.ts";
import { algorithmNames } from "./algorithms.ts";
import { costOf } from "./cost.ts";
import { oursOverHttp, oursOverTcp } from "./ours.ts";
import { rivalsOverHttp, rivalsOverTcp } from "./rivals.ts";

const ids = Array.from({ length: 200 }, (_, i) => `user ${i}`);
const loads = [loadOf(1, 1_500), loadOf(64, 8_000), loadOf(512, 12_000)];

await run("limiter", async (bench) => {
  const { at, admin, close } = await openScene();
  for (const { title, contenders } of groupsOf(at, bench.before)) {
    await bench.measure({ title, contenders, loads });
    await bench.tell(`${title}: what a decision costs Redis`, async () => ({
      columns: ["commands", "bytes for an id"],
      rows: await costs(contenders),
    }));
  }
  await close();

  async function costs(contenders: readonly Contender<Asked>[]) {
    const rows = [];
    for (const one of contenders.filter(({ role }) => role === "ours" || role === "other")) {
      const instance = await one.open();
      const { commands, bytes } = await costOf(instance, ids, admin);
      await instance.close();
      rows.push({ name: one.name, cells: [commands.toFixed(2), bytes.toFixed(0)] });
    }
    return rows;
  }
});

/** Each algorithm over each transport: this package, what the machine can do, and others. */
function groupsOf(at: Address, before: string | undefined) {
  const overHttp = algorithmNames.map((name) => ({
    title: `Limiter over HTTP, ${name}`,
    contenders: [...oursOverHttp(at, name, before), ...httpLimits(at), ...rivalsOverHttp(at, name)],
  }));
  const overTcp = algorithmNames.map((name) => ({
    title: `Limiter over TCP, ${name}`,
    contenders: [...oursOverTcp(at, name, before), ...tcpLimits(at), ...rivalsOverTcp(at, name)],
  }));
  return [...overHttp, ...overTcp];
}

function loadOf(concurrency: number, calls: number): Load<Asked> {
  const name = `${concurrency} at a time`;
  return {
    calls,
    columns: [
      { name, unit: "decisions/s", better: "more" },
      { name, unit: "p50 ms" },
      { name, unit: "p99 ms" },
    ],
    run: ({ call }, calls) => rateAndTimes(concurrency, calls, (i) => call(ids[i % ids.length] ?? "")),
  };
}
