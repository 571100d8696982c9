import type { Effort } from "../harness/interleave.ts";
import { median } from "../harness/statistics.ts";
import { pause } from "../harness/work.ts";
import type { Address, CacheInstance, CacheLibrary, Load } from "./instance.ts";

/** 10 instances with 20 callers each ask for a cold key, whose load takes 100 ms. Gives how often it was loaded, and how long all took. */
export async function stampede(library: CacheLibrary, at: Address, { rounds }: Effort) {
  const instances = await Promise.all(Array.from({ length: 10 }, () => library.open(at)));
  await Promise.all(instances.map((instance) => ask(instance, "warm", () => 1)));
  const loads: number[] = [];
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    let count = 0;
    const load = async () => {
      count += 1;
      await pause(100);
      return { count };
    };
    const start = performance.now();
    await Promise.all(instances.flatMap((each) => Array.from({ length: 20 }, () => ask(each, `cold${round}`, load))));
    times.push(performance.now() - start);
    loads.push(count);
  }
  for (const instance of instances) await instance.close();
  return [String(median(loads)), median(times).toFixed(0)];
}

function ask(instance: CacheInstance, key: string, load: Load): Promise<unknown> | undefined {
  return (instance.cold ?? instance.get)?.(key, load);
}
