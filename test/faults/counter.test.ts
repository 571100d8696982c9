import { beforeEach, expect, it } from "vitest";
import {
  createCounters,
  createSeries,
  incrementWithin,
  takeCounter,
  type Counters,
  type Series,
} from "../../src/core/patterns/counter/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { days, hours } from "../../src/core/time/duration.ts";
import type { CuttingProxy } from "../support/cutting-proxy.ts";
import { onStandaloneBackends } from "../support/backends.ts";

/** Each change of a counter or a bucket that is at 10: its answer, and what is there after it. */
const changes: readonly (readonly [
  name: string,
  change: (counters: Counters, series: Series) => Promise<unknown>,
  answer: unknown,
  after: readonly [counter: number, bucket: number],
])[] = [
  ["increment", (counters) => counters.increment("a"), 11, [11, 10]],
  [
    "incrementWithin",
    (counters) => incrementWithin(counters, "a", -10, { min: 0 }),
    { changed: true, value: 0 },
    [0, 10],
  ],
  ["set", (counters) => counters.set("a", 3), undefined, [3, 10]],
  ["delete", (counters) => counters.delete("a"), true, [0, 10]],
  ["takeCounter", (counters) => takeCounter(counters, "a"), 10, [0, 10]],
  ["an increment of a series", (_, series) => series.increment("a"), 11, [10, 11]],
];

onStandaloneBackends("counters and series on a wire that loses replies", (backend) => {
  let number = 0;
  let redis: Redis;
  let proxy: CuttingProxy;
  beforeEach(async () => {
    ({ redis, proxy } = await backend.connectThroughProxy());
    number += 1;
  });

  it.each(changes)("make each change once, with the right answer: %s", async (_, change, answer, after) => {
    const prefix = `${backend.prefix}:${number}`;
    const counters = createCounters(redis, { prefix, ttl: hours(1) });
    const series = createSeries(redis, { prefix, bucket: days(366), keep: { age: days(366) } });
    // The server learns the scripts.
    await change(counters, series);
    await counters.set("a", 10);
    const [point] = await series.range("a", { last: days(366) });
    await series.increment("a", 10 - (point?.value ?? 0));
    proxy.cutReplies();
    let given: unknown;
    const counts = await backend.count(async () => {
      given = await change(counters, series);
    });
    expect(proxy.cuts).toBe(1);
    expect(counts["evalsha"]).toBe(2);
    expect(given).toEqual(answer);
    const bucket = await series.range("a", { last: days(366) });
    expect([await counters.get("a"), bucket[0]?.value]).toEqual(after);
  });
});
