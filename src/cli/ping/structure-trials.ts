import { createBloomFilter } from "../../core/patterns/bloom/index.ts";
import { createCounters, createSeries } from "../../core/patterns/counter/index.ts";
import { createFeeds } from "../../core/patterns/feed/index.ts";
import { createLeaderboard } from "../../core/patterns/leaderboard/index.ts";
import { createRecords } from "../../core/patterns/record/index.ts";
import { createUniques, exact, hybrid } from "../../core/patterns/uniques/index.ts";
import { expectTrue, id, ttl, type Trial } from "./trial.ts";

/** Every pattern that keeps a structure, by its name in the table. Lists of recent items have bare keys, which few users may touch. */
export const structureTrials: readonly (readonly [name: string, trial: Trial])[] = [
  [
    "leaderboard",
    async (redis, prefix) => {
      const scores = createLeaderboard(redis, { prefix, ttl, ties: "dense", keep: { length: 1 } });
      await scores.set(id, "first", 1, { data: id });
      expectTrue((await scores.increment(id, "second", 2)).rank === 1, "The higher score was not first");
      expectTrue((await scores.top(id)).entries.length === 1, "The board was not shortened");
      await scores.remove(id, "second");
    },
  ],
  [
    "uniques, exact",
    async (redis, prefix) => {
      const members = createUniques(redis, { prefix, ttl, count: exact() });
      await members.add(id, ["ada", "bob", "ada"]);
      expectTrue((await members.count(id)).count === 2, "Two members were not counted as two");
    },
  ],
  [
    "uniques, hybrid",
    async (redis, prefix) => {
      const members = createUniques(redis, { prefix, ttl, count: hybrid({ exactUntil: 1 }) });
      await members.add(id, ["ada", "bob", "ada"]);
      expectTrue((await members.count(id)).count === 2, "Two members were not estimated as two");
    },
  ],
  [
    "counter",
    async (redis, prefix) => {
      const counters = createCounters(redis, { prefix, ttl });
      expectTrue((await counters.increment(id)) === 1, "The first count was not 1");
      await counters.delete(id);
    },
  ],
  [
    "series",
    async (redis, prefix) => {
      const series = createSeries(redis, { prefix, bucket: 1_000, keep: { age: ttl } });
      await series.increment(id);
      const points = await series.range(id, { last: 10_000 });
      expectTrue(
        points.some(({ value }) => value === 1),
        "What was counted is in no bucket",
      );
    },
  ],
  [
    "record",
    async (redis, prefix) => {
      const records = createRecords<{ visits: number }>(redis, { prefix, ttl });
      await records.set(id, { visits: 0 });
      await records.increment(id, "visits");
      expectTrue((await records.get(id))?.data.visits === 1, "The record was not found as it was written");
      await records.delete(id);
    },
  ],
  [
    "feed",
    async (redis, prefix) => {
      const feeds = createFeeds<string>(redis, { prefix, ttl });
      const item = await feeds.push(id, "item");
      expectTrue((await feeds.page(id)).items.length === 1, "The item was not found");
      await feeds.remove(id, item.id);
    },
  ],
  [
    "Bloom filter",
    async (redis, prefix) => {
      const filters = createBloomFilter(redis, { prefix, capacity: 100, ttl });
      await filters.add(id, "item");
      expectTrue(await filters.mightContain(id, "item"), "The item was not found");
      await filters.clear(id);
    },
  ],
];
