import { expect, it } from "vitest";
import { addMany, createBloomFilter } from "../../src/core/patterns/bloom/index.ts";
import { createCounters, createSeries, incrementWithin, takeCounter } from "../../src/core/patterns/counter/index.ts";
import {
  clearFeed,
  countUnread,
  createFeeds,
  createRecent,
  fanOut,
  markRead,
} from "../../src/core/patterns/feed/index.ts";
import { createLeaderboard, firstToReach } from "../../src/core/patterns/leaderboard/index.ts";
import { createRecords } from "../../src/core/patterns/record/index.ts";
import { approximate, createUniques, exact, hybrid, removeMember } from "../../src/core/patterns/uniques/index.ts";
import { codeOf } from "../../src/core/failure.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { onStandaloneBackends, patient } from "../support/backends.ts";

interface Change {
  /** What is there before. */
  readonly before?: (redis: Redis, prefix: string) => Promise<unknown>;
  /** The change whose reply is lost. */
  readonly change: (redis: Redis, prefix: string) => Promise<unknown>;
  /** What is there afterwards. */
  readonly after: (redis: Redis, prefix: string) => Promise<unknown>;
}

const ttl = minutes(5);
const id = "7";
const board = (redis: Redis, prefix: string) => createLeaderboard<string>(redis, { prefix, ttl, ties: "dense" });
const race = (redis: Redis, prefix: string) => createLeaderboard(redis, { prefix, ttl, ties: firstToReach() });
const members = (redis: Redis, prefix: string) => createUniques(redis, { prefix, ttl, count: exact() });
const few = (redis: Redis, prefix: string) => createUniques(redis, { prefix, ttl, count: hybrid({ exactUntil: 2 }) });
const many = (redis: Redis, prefix: string) => createUniques(redis, { prefix, ttl, count: approximate() });
const counters = (redis: Redis, prefix: string) => createCounters(redis, { prefix, ttl });
const series = (redis: Redis, prefix: string) =>
  createSeries(redis, { prefix, bucket: hours(1), keep: { age: hours(5) } });
const feeds = (redis: Redis, prefix: string) => createFeeds<string>(redis, { prefix, ttl });
const recent = (redis: Redis, prefix: string) => createRecent<string>(redis, { prefix, ttl });
const records = (redis: Redis, prefix: string) => createRecords<{ n: number; s?: string }>(redis, { prefix, ttl });
const filter = (redis: Redis, prefix: string) => createBloomFilter(redis, { prefix, ttl, capacity: 100 });

const top = async (redis: Redis, prefix: string) => (await board(redis, prefix).top(id)).entries;
const texts = async (redis: Redis, prefix: string) =>
  (await feeds(redis, prefix).page(id)).items.map(({ data }) => data);
const seed = (redis: Redis, prefix: string) => board(redis, prefix).set(id, "ada", 5, { data: "x" });

const changes: Readonly<Record<string, Change>> = {
  "leaderboard: set": { change: (...at) => board(...at).set(id, "ada", 2.5, { data: "x" }), after: top },
  "leaderboard: set only what is higher": {
    before: seed,
    change: (...at) => board(...at).set(id, "ada", 9, { only: "higher" }),
    after: top,
  },
  "leaderboard: increment": { before: seed, change: (...at) => board(...at).increment(id, "ada", 1.5), after: top },
  "leaderboard: remove": { before: seed, change: (...at) => board(...at).remove(id, "ada"), after: top },
  "leaderboard: increment where the first to reach wins": {
    change: (...at) => race(...at).increment(id, "ada", 3),
    after: async (...at) => (await race(...at).top(id)).entries,
  },
  "uniques: add": { change: (...at) => members(...at).add(id, ["a", "b"]), after: (...at) => members(...at).count(id) },
  "uniques: remove": {
    before: (...at) => members(...at).add(id, ["a", "b"]),
    change: (...at) => removeMember(members(...at), id, "a"),
    after: (...at) => members(...at).count(id),
  },
  "uniques: add at the switch": {
    before: (...at) => few(...at).add(id, ["a", "b"]),
    change: (...at) => few(...at).add(id, ["c", "d"]),
    after: (...at) => few(...at).count(id),
  },
  "uniques: add to an estimate": {
    change: (...at) => many(...at).add(id, "a"),
    after: (...at) => many(...at).count(id),
  },
  "counter: increment": {
    change: (...at) => counters(...at).increment(id, 3),
    after: (...at) => counters(...at).get(id),
  },
  "counter: increment within bounds": {
    before: (...at) => counters(...at).set(id, 3),
    change: (...at) => incrementWithin(counters(...at), id, -2, { min: 0 }),
    after: (...at) => counters(...at).get(id),
  },
  "counter: set": { change: (...at) => counters(...at).set(id, 3), after: (...at) => counters(...at).get(id) },
  "counter: take": {
    before: (...at) => counters(...at).increment(id, 3),
    change: (...at) => takeCounter(counters(...at), id),
    after: (...at) => counters(...at).get(id),
  },
  "counter: delete": {
    before: (...at) => counters(...at).increment(id, 3),
    change: (...at) => counters(...at).delete(id),
    after: (...at) => counters(...at).get(id),
  },
  "series: increment": {
    change: (...at) => series(...at).increment(id, 3),
    after: async (...at) =>
      (await series(...at).range(id, { last: hours(2) })).reduce((sum, { value }) => sum + value, 0),
  },
  "feed: push": { change: async (...at) => typeof (await feeds(...at).push(id, "a")).id, after: texts },
  "feed: remove": {
    change: async (...at) => {
      const [item] = (await feeds(...at).page(id)).items;
      return feeds(...at).remove(id, item?.id ?? "");
    },
    before: (...at) => feeds(...at).push(id, "a"),
    after: texts,
  },
  "feed: mark as read": {
    before: (...at) => feeds(...at).push(id, "a"),
    change: async (...at) => {
      const [item] = (await feeds(...at).page(id)).items;
      return (await markRead(feeds(...at), id, "ada", item?.id ?? "")).lastRead === item?.id;
    },
    after: async (...at) => (await countUnread(feeds(...at), id, "ada")).count,
  },
  "feed: fan out": {
    change: async (...at) => (await fanOut(feeds(...at), [id], "a", { eventId: "e" })).delivered,
    after: texts,
  },
  "feed: clear": {
    before: (...at) => feeds(...at).push(id, "a"),
    change: (...at) => clearFeed(feeds(...at), id),
    after: texts,
  },
  "recent: push": { change: (...at) => recent(...at).push(id, "a"), after: (...at) => recent(...at).list(id) },
  "recent: remove": {
    before: (...at) => recent(...at).push(id, "a"),
    change: (...at) => recent(...at).remove(id, "a"),
    after: (...at) => recent(...at).list(id),
  },
  "recent: clear": {
    before: (...at) => recent(...at).push(id, "a"),
    change: (...at) => recent(...at).clear(id),
    after: (...at) => recent(...at).list(id),
  },
  "record: set": {
    change: async (...at) => (await records(...at).set(id, { n: 1 }, { version: null })).version > 0,
    after: async (...at) => (await records(...at).get(id))?.data,
  },
  "record: update": {
    before: (...at) => records(...at).set(id, { n: 1 }),
    change: async (...at) => {
      const found = await records(...at).get(id);
      return (await records(...at).update(id, { s: "x" }, { version: found?.version })) !== null;
    },
    after: async (...at) => (await records(...at).get(id))?.data,
  },
  "record: increment": {
    before: (...at) => records(...at).set(id, { n: 1 }),
    change: (...at) => records(...at).increment(id, "n", 4),
    after: async (...at) => (await records(...at).get(id))?.data,
  },
  "record: delete": {
    before: (...at) => records(...at).set(id, { n: 1 }),
    change: (...at) => records(...at).delete(id),
    after: (...at) => records(...at).get(id),
  },
  "Bloom filter: add": {
    change: (...at) => filter(...at).add(id, "a"),
    after: (...at) => filter(...at).mightContain(id, "a"),
  },
  "Bloom filter: add several": {
    change: (...at) => addMany(filter(...at), id, ["a", "b", "a"]),
    after: (...at) => filter(...at).mightContain(id, "b"),
  },
};

onStandaloneBackends(
  "structures on a Redis that fails",
  (backend) => {
    it.each(backend.share(Object.entries(changes)))(
      "are changed once, with the same answer, where the reply is lost on the wire: %s",
      async (name, change) => {
        const { redis, proxy } = await backend.connectThroughProxy();
        const prefix = `${backend.prefix}:${name.replaceAll(/\W/g, "-")}`;
        // The server learns the scripts, and shows what happens where no reply is lost.
        await change.before?.(redis, `${prefix}:whole`);
        const whole = await change.change(redis, `${prefix}:whole`);
        await change.before?.(redis, prefix);
        // Some changes read first; the script of the change is the last that they send.
        const counted = withLastReplyLost(redis, () => proxy.cutReplies());
        const answer = await change.change(counted, prefix);
        expect(proxy.cuts).toBeGreaterThan(0);
        expect(answer).toEqual(whole);
        expect(await change.after(redis, prefix)).toEqual(await change.after(redis, `${prefix}:whole`));
      },
    );

    it.each(backend.share(Object.entries(changes)))(
      "are changed wholly or not at all where Redis has no memory: %s",
      async (name, change) => {
        const redis = await backend.connect();
        const prefix = `${backend.prefix}:full:${name.replaceAll(/\W/g, "-")}`;
        await change.before?.(redis, `${prefix}:whole`);
        const whole = await change.change(redis, `${prefix}:whole`);
        await change.before?.(redis, prefix);
        const untouched = await change.after(redis, prefix);
        const [server] = backend.servers;
        await server?.send(["CONFIG", "SET", "maxmemory", 1]);
        const outcome = await change.change(redis, prefix).catch((error: unknown) => error);
        await server?.send(["CONFIG", "SET", "maxmemory", 0]);
        // What begins by taking away, as a record that replaces another does, is done without memory, too. Nothing is done by half.
        const isRefused = codeOf(outcome) === "OOM";
        expect(isRefused, String(outcome)).toBe(!/: (remove|delete|take|clear)|^record: set/.test(name));
        expect(isRefused ? untouched : whole).toEqual(isRefused ? await change.after(redis, prefix) : outcome);
        if (isRefused) expect(await change.change(redis, prefix)).toEqual(whole);
        expect(await change.after(redis, prefix)).toEqual(await change.after(redis, `${prefix}:whole`));
      },
    );
  },
  patient,
);

/** Loses the reply to each script that changes something: those that remember a request or an event. */
function withLastReplyLost(redis: Redis, lose: () => void): Redis {
  return {
    ...redis,
    send(command, options) {
      if (command.some((word) => /:once:|:events$/.test(String(word)))) lose();
      return redis.send(command, options);
    },
  };
}
