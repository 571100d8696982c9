// What a client of the REST protocol costs by itself: a stubbed fetch answers at once. `npm run bench -- rest`.
import type { Asked, Load } from "../harness/contender.ts";
import { run } from "../harness/run.ts";
import { cpuPerCall } from "../harness/work.ts";
import { batchingClients, unbatchedClients } from "./contenders.ts";
import { stubbedFetch } from "./stubbed-fetch.ts";

globalThis.fetch = stubbedFetch as unknown as typeof fetch;

await run("rest", async (bench) => {
  const note = "Less is better. The stub's own work is in every figure.";
  const loads = [loadOf(1, 20_000), loadOf(64, 100_000), loadOf(512, 150_000)];
  await bench.measure({ title: "REST client: CPU for a call", note, loads, contenders: batchingClients() });
  const unbatched = [loadOf(1, 20_000), loadOf(64, 20_000)];
  const title = "REST client: CPU for a call, without batches";
  await bench.measure({ title, note, loads: unbatched, contenders: unbatchedClients() });
});

function loadOf(concurrency: number, calls: number): Load<Asked> {
  return {
    calls,
    columns: [{ name: `${concurrency} at a time`, unit: "us of CPU", better: "less" }],
    run: async ({ call }, calls) => [await cpuPerCall(concurrency, calls, (i) => call(String(i)))],
  };
}
