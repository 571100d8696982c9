import { addMany, createBloomFilter } from "../../src/core/patterns/bloom/index.ts";
import { createCounters, createSeries } from "../../src/core/patterns/counter/index.ts";
import { createFeeds, createRecent } from "../../src/core/patterns/feed/index.ts";
import { createRecords } from "../../src/core/patterns/record/index.ts";
import { approximate, createUniques, exact } from "../../src/core/patterns/uniques/index.ts";
import type { Arg, Redis } from "../../src/core/port/redis.ts";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { cycle, forEach, type Measure, on } from "./measure.ts";

const prefix = "bench";
const ttl = hours(1);
const idOf = (i: number) => `id ${i % cycle}`;
const item = { name: "Ada Lovelace", city: "London", visits: 7, tags: ["a", "b"], note: "x".repeat(60) };
const json = JSON.stringify(item);

const visitors = (redis: Redis) => createUniques(redis, { prefix, ttl, count: approximate() });
const tags = (redis: Redis) => createUniques(redis, { prefix: `${prefix}-exact`, ttl, count: exact() });
export const uniques: readonly Measure[] = [
  {
    title: "Uniques, approximate: add a member",
    ours: on(visitors, (made, i) => made.add("home", `visitor ${i}`)),
    command: (i) => ["PFADD", "bare:estimate", `visitor ${i}`],
  },
  {
    title: "Uniques, approximate: count",
    ours: on(visitors, (made) => made.count("home")),
    command: () => ["PFCOUNT", "bare:estimate"],
  },
  {
    title: "Uniques, exact: add a member",
    ours: on(tags, (made, i) => made.add(idOf(i), `tag ${i % 50}`)),
    command: (i) => ["SADD", `bare:set:${idOf(i)}`, `tag ${i % 50}`],
  },
];

const views = (redis: Redis) => createCounters(redis, { prefix, ttl });
const traffic = (redis: Redis) => createSeries(redis, { prefix, bucket: minutes(1), keep: { age: hours(24) } });
export const counters: readonly Measure[] = [
  {
    title: "Counter: increment",
    ours: on(views, (made, i) => made.increment(idOf(i))),
    command: (i) => ["INCR", `bare:counter:${idOf(i)}`],
  },
  {
    title: "Counter: get",
    ours: on(views, (made, i) => made.get(idOf(i))),
    command: (i) => ["GET", `bare:counter:${idOf(i)}`],
  },
  {
    title: "Series: increment the present minute",
    ours: on(traffic, (made, i) => made.increment(idOf(i))),
    command: (i) => ["HINCRBY", `bare:series:${idOf(i)}`, 5, 1],
  },
  {
    title: "Series: the minutes of an hour",
    setup: async (redis, client) => {
      const now = Date.now();
      await forEach(60, (i) => traffic(redis).increment("api", 1, { at: now - minutes(i) }));
      await client.hset("bare:series", ...Array.from({ length: 120 }, (_, i) => String(Math.ceil(i / 2))));
    },
    ours: on(traffic, (made) => made.range("api", { last: hours(1) })),
    command: () => ["HGETALL", "bare:series"],
  },
];

const profiles = (redis: Redis) => createRecords<typeof item>(redis, { prefix, ttl });
const fields = Object.entries(item).flatMap(([name, value]): Arg[] => [name, JSON.stringify(value)]);
export const records: readonly Measure[] = [
  {
    title: "Record of five properties: set",
    ours: on(profiles, (made, i) => made.set(idOf(i), item)),
    command: (i) => ["HSET", `bare:record:${idOf(i)}`, ...fields],
  },
  {
    title: "Record of five properties: get",
    setup: (redis, client) =>
      forEach(cycle, async (i) => {
        await profiles(redis).set(idOf(i), item);
        await client.hset(`bare:record:${idOf(i)}`, ...fields);
      }),
    ours: on(profiles, (made, i) => made.get(idOf(i))),
    command: (i) => ["HGETALL", `bare:record:${idOf(i)}`],
  },
  {
    title: "Record of five properties: increment one",
    ours: on(profiles, (made, i) => made.increment(idOf(i), "visits")),
    command: (i) => ["HINCRBY", `bare:record:${idOf(i)}`, "visits", 1],
  },
];

const feeds = (redis: Redis) => createFeeds<typeof item>(redis, { prefix, ttl, keep: { length: 100 } });
const recent = (redis: Redis) => createRecent<typeof item>(redis, { prefix, ttl, length: 10 });
export const lists: readonly Measure[] = [
  {
    title: "Feed of 100 items: push",
    ours: on(feeds, (made, i) => made.push(idOf(i % 64), item)),
    command: (i) => ["XADD", `bare:feed:${idOf(i % 64)}`, "MAXLEN", "=", 100, "*", "1", json],
  },
  {
    title: "Feed of 100 items: a page of 20",
    setup: (redis, client) =>
      forEach(100, async () => {
        await feeds(redis).push("page", item);
        await client.xadd("bare:feed", "*", "1", json);
      }),
    ours: on(feeds, (made) => made.page("page", { limit: 20 })),
    command: () => ["XREVRANGE", "bare:feed", "+", "-", "COUNT", 20],
  },
  {
    title: "Ten recent items: push",
    ours: on(recent, (made, i) => made.push(idOf(i), item)),
    command: (i) => ["LPUSH", `bare:list:${idOf(i % 64)}:${Math.floor(i / 10_000)}`, json],
  },
  {
    title: "Ten recent items: list",
    setup: (redis, client) =>
      forEach(10, async () => {
        await recent(redis).push("list", item);
        await client.lpush("bare:list", json);
      }),
    ours: on(recent, (made) => made.list("list")),
    command: () => ["LRANGE", "bare:list", 0, 9],
  },
];

const seen = (redis: Redis) => createBloomFilter(redis, { prefix, ttl });
/** Random places of a filter for a million items. */
const places = () => Array.from({ length: 7 }, () => 160 + Math.floor(Math.random() * 9_585_059));
export const filters: readonly Measure[] = [
  {
    title: "Bloom filter of a million items: add a new one",
    ours: (redis) => {
      const [filter, name] = [seen(redis), crypto.randomUUID()];
      return (i) => filter.add("urls", `${name} ${i}`);
    },
    command: () => ["BITFIELD", "bare:filter", ...places().flatMap((place): Arg[] => ["SET", "u1", place, 1])],
    // The bits of an item that is known are not set again.
    vary: ([name, ...args]) => [name, ...args.slice(0, -7), ...places()],
  },
  {
    title: "Bloom filter of a million items: test one",
    setup: (redis) => addMany(seen(redis), "urls", ["a", "b"]),
    ours: on(seen, (made, i) => made.mightContain("urls", `https://example.org/${i % cycle}`)),
    command: () => ["BITFIELD_RO", "bare:filter", ...places().flatMap((place): Arg[] => ["GET", "u1", place])],
  },
];
