import { beforeAll, expect, it } from "vitest";
import { createBloomFilter } from "../../src/core/patterns/bloom/index.ts";
import { createCounters, createSeries } from "../../src/core/patterns/counter/index.ts";
import { createFeeds } from "../../src/core/patterns/feed/index.ts";
import { createLeaderboard } from "../../src/core/patterns/leaderboard/index.ts";
import { createUniques, exact } from "../../src/core/patterns/uniques/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { hours, minutes, seconds } from "../../src/core/time/duration.ts";
import { onEveryBackend } from "../support/backends.ts";

interface Options {
  readonly prefix: string;
  readonly ttl: number;
  readonly requestTtl: number;
}
const call = { requestId: "r" };
const changes: Readonly<Record<string, (redis: Redis, options: Options) => Promise<unknown>>> = {
  "a score": (redis, options) => createLeaderboard(redis, options).increment("a", "ada", 1, call),
  "a member": (redis, options) => createUniques(redis, { ...options, count: exact() }).add("a", "ada", call),
  "an item": (redis, options) => createBloomFilter(redis, { ...options, capacity: 10 }).add("a", "ada", call),
  "a counter": (redis, options) => createCounters(redis, options).increment("a", 1, call),
  "an event": (redis, { prefix, requestTtl }) =>
    createSeries(redis, { prefix, requestTtl, bucket: minutes(1), keep: { age: hours(1) } }).increment("a", 1, call),
  "an entry of a feed": (redis, options) => createFeeds<number>(redis, options).push("a", 1, call),
};

onEveryBackend("a named request", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });

  it.each(Object.entries(changes))(
    "is remembered for a minute at least, so that a copy which the client sends by itself is no second change: %s",
    async (_, change) => {
      const prefix = `${backend.prefix}:${(number += 1)}`;
      await change(redis, { prefix, ttl: hours(1), requestTtl: 1 });
      const keys = (await backend.keys()).filter((key) => key.includes(prefix) && key.includes(":request:"));
      expect(keys).toHaveLength(1);
      expect(await redis.send(["PTTL", keys[0] ?? ""])).toBeGreaterThan(seconds(50));
    },
  );
});
