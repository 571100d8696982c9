// The structures beside the bare commands that they are made of, and redis-rank: `npm run bench -- structures`.
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import type { Asked, Load } from "../harness/contender.ts";
import { run } from "../harness/run.ts";
import { openScene } from "../harness/scene.ts";
import { rate } from "../harness/work.ts";
import { boards } from "./boards.ts";
import { contendersOf } from "./contenders.ts";
import { counters, filters, lists, records, uniques } from "./others.ts";

const loads = [loadOf(1, 150), loadOf(64, 1_200)];

await run("structures", async (bench) => {
  const { at, admin, close } = await openScene();
  const members = bench.mode === "full" ? 1_000_000 : 100_000;
  for (const measure of [...boards(members), ...uniques, ...counters, ...records, ...lists, ...filters]) {
    await measure.setup?.(ioredis(admin), admin);
    await bench.measure({ title: measure.title, contenders: contendersOf(at, measure), loads });
  }
  await close();
});

function loadOf(concurrency: number, calls: number): Load<Asked> {
  return {
    calls,
    columns: [{ name: `${concurrency} at a time`, unit: "calls/s", better: "more" }],
    run: async ({ call }, calls) => [await rate(concurrency, calls, () => call(""))],
  };
}
