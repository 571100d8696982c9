import { beforeAll, describe, expect, it } from "vitest";
import {
  type ChangeOptions,
  clearFeed,
  countUnread,
  createFeeds,
  createRecent,
  fanOut,
  type Feeds,
  markRead,
  type Recent,
} from "../../src/core/patterns/feed/index.ts";
import type { Redis, Reply } from "../../src/core/port/redis.ts";
import { text, texts } from "../../src/core/port/reply.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import feedV1 from "../fixtures/feed-v1.json" with { type: "json" };
import { bareKeys, onEveryBackend } from "../support/backends.ts";

/** What the changes are made to. The feed and the list hold one to three. */
interface Place {
  readonly feeds: Feeds<number>;
  readonly recent: Recent<number>;
  /** The ids of the items of the feed. */
  readonly ids: readonly string[];
}

/** Each change, and what is seen of it. */
const changes: Readonly<
  Record<string, readonly [(place: Place, options: ChangeOptions) => Promise<unknown>, see: (place: Place) => unknown]>
> = {
  push: [({ feeds }, options) => feeds.push("ada", 4, options), ({ feeds }) => numbersOf(feeds)],
  remove: [({ feeds, ids }, options) => feeds.remove("ada", ids[1] ?? "", options), ({ feeds }) => numbersOf(feeds)],
  markRead: [
    ({ feeds, ids }, options) => markRead(feeds, "ada", "eve", ids[1] ?? "", options),
    ({ feeds }) => countUnread(feeds, "ada", "eve"),
  ],
  clearFeed: [
    async ({ feeds }, options) => (await clearFeed(feeds, "ada", options)) ?? null,
    async ({ feeds }) => [await numbersOf(feeds), await countUnread(feeds, "ada", "eve")],
  ],
  fanOut: [
    ({ feeds }, { signal, requestId = "e" }) => fanOut(feeds, ["ada"], 4, { eventId: requestId, signal }),
    ({ feeds }) => numbersOf(feeds),
  ],
  "push to a list": [({ recent }, options) => recent.push("ada", 4, options), ({ recent }) => recent.list("ada")],
  "push once to a list": [
    ({ recent }, options) => recent.push("ada", 1, { ...options, unique: true }),
    ({ recent }) => recent.list("ada"),
  ],
  "remove from a list": [({ recent }, options) => recent.remove("ada", 2, options), ({ recent }) => recent.list("ada")],
  "clear a list": [({ recent }, options) => recent.clear("ada", options), ({ recent }) => recent.list("ada")],
};

async function numbersOf(feeds: Feeds<number>): Promise<number[]> {
  return (await feeds.page("ada")).items.map(({ data }) => data);
}

onEveryBackend(
  "a change of a feed",
  (backend) => {
    let redis: Redis;
    let number = 0;
    beforeAll(async () => {
      redis = await backend.connect();
    });
    const open = async (port: Redis): Promise<Place> => {
      const options = { ttl: minutes(10), prefix: `${backend.prefix}:${(number += 1)}` };
      const [feeds, recent] = [createFeeds<number>(port, options), createRecent<number>(port, options)];
      const ids: string[] = [];
      for (const n of [1, 2, 3]) {
        ids.push((await feeds.push("ada", n)).id);
        await recent.push("ada", n);
      }
      return { feeds, recent, ids };
    };

    describe.each(Object.entries(changes))("%s", (_, [change, see]) => {
      it("is made once and answered the same, where the network repeats it or its reply was lost", async () => {
        const expected = await open(redis);
        const answer = await change(expected, {});
        const seen = await see(expected);
        const faulty = withFaults(redis);
        const place = await open(faulty);
        faulty.runTwice();
        const repeated = await change(place, { requestId: "r1" });
        // A caller that heard nothing calls again, as does a queue that delivers twice.
        const again = await Promise.all([1, 2, 3].map(() => change(place, { requestId: "r1" })));
        expect(again).toEqual([repeated, repeated, repeated]);
        expect(shapeOf(repeated, place.ids)).toEqual(shapeOf(answer, expected.ids));
        expect(shapeOf(await see(place), place.ids)).toEqual(shapeOf(seen, expected.ids));
        const other = await open(faulty);
        faulty.loseReply();
        await expect(change(other, { requestId: "r2" })).rejects.toMatchObject({ code: "CONNECTION" });
        expect(shapeOf(await change(other, { requestId: "r2" }), other.ids)).toEqual(shapeOf(answer, expected.ids));
        expect(shapeOf(await see(other), other.ids)).toEqual(shapeOf(seen, expected.ids));
      });

      it("leaves what came after it alone, when it arrives again late", async () => {
        const faulty = withFaults(redis);
        const place = await open(faulty);
        // On a Cluster, each node is told the text of a script for itself.
        await change(place, { requestId: "warm up" });
        await place.recent.push("ada", 2);
        const held = faulty.holdRequest();
        const changing = change(place, { requestId: "r" });
        await held.reached;
        await held.arrive();
        await changing;
        await place.feeds.push("ada", 2);
        await place.recent.push("ada", 2);
        const seen = await see(place);
        await held.arrive();
        expect(await see(place)).toEqual(seen);
      });
    });

    it("would be found if it were made twice", async () => {
      const faulty = withFaults(redis);
      const { feeds, recent } = await open(faulty);
      faulty.runTwice();
      await faulty.send(["XADD", `feed:${backend.prefix}:${number}:{ada}:items`, "*", "1", "4"]);
      faulty.runTwice();
      await faulty.send(["LPUSH", `${backend.prefix}:${number}:ada`, "4"]);
      expect([await numbersOf(feeds), await recent.list("ada")]).toEqual([
        [4, 4, 3, 2, 1],
        [4, 4, 3, 2, 1],
      ]);
    });

    it("with a `requestId` is remembered for `requestTtl`, and one without for a minute", async () => {
      const options = { ttl: minutes(10), prefix: `${backend.prefix}:${(number += 1)}`, requestTtl: minutes(5) };
      const [feeds, recent] = [createFeeds<number>(redis, options), createRecent<number>(redis, options)];
      for (const call of [{}, { requestId: "r" }]) {
        await feeds.push("ada", 1, call);
        await recent.push("ada", 1, call);
      }
      const keys = (await backend.keys()).filter((key) => /:(request|once):/.test(key) && key.includes(options.prefix));
      expect(keys).toHaveLength(4);
      for (const key of keys) {
        const ttl = Number(await redis.send(["PTTL", key]));
        expect(ttl > minutes(1), key).toBe(key.includes(":request:"));
        expect(ttl).toBeLessThanOrEqual(minutes(5));
      }
    });

    it("reads, and goes on with, what the first version stored", async () => {
      const from = feedV1.prefix;
      const prefix = `${backend.prefix}:v1`;
      for (const [name, commands] of Object.entries(feedV1.keys)) {
        const key = name.replaceAll(from, prefix);
        for (const [command = "", ...args] of commands) await redis.send([command, key, ...args]);
        await redis.send(["PEXPIRE", key, 60_000]);
      }
      const feeds = createFeeds(redis, { prefix, ttl: 60_000, keep: { length: 3 } });
      const recent = createRecent(redis, { prefix, ttl: 60_000 });
      const told: string[] = [];
      const onTrimmed = ({ lastTrimmed }: { lastTrimmed: string }) => void told.push(lastTrimmed);
      expect(await feeds.since("ada", "1795786836001-0", { onTrimmed })).toEqual(feedV1.since);
      expect(told).toEqual(["1795786836002-0"]);
      expect(await countUnread(feeds, "ada", "eve")).toEqual(feedV1.unread);
      expect(await fanOut(feeds, ["ada"], "again", { eventId: "post:1" })).toMatchObject({ delivered: 1 });
      expect(await feeds.push("ada", "again", { requestId: "r" })).toEqual({ id: "1795786836004-0" });
      expect((await feeds.page("ada")).items.toReversed()).toEqual(feedV1.since.items);
      expect(await recent.list("ada")).toEqual(feedV1.recent);
      await recent.push("ada", "again", { requestId: "r" });
      expect(await recent.list("ada")).toEqual(feedV1.recent);
    });

    it("is made for each of the items and readers that one event is about", async () => {
      const feeds = createFeeds(redis, { prefix: `${backend.prefix}:several`, ttl: 60_000 });
      const ids: string[] = [];
      for (const item of ["a", "b", "c"]) ids.push((await feeds.push("ada", item)).id);
      for (const reader of ["phone", "desk"]) await markRead(feeds, "ada", reader, ids[2] ?? "", { requestId: "r" });
      for (const reader of ["phone", "desk"]) expect((await countUnread(feeds, "ada", reader)).count).toBe(0);
      for (const id of ids.slice(0, 2)) expect(await feeds.remove("ada", id, { requestId: "r" })).toBe(true);
      expect((await feeds.page("ada")).items.map(({ data }) => data)).toEqual(["c"]);
    });

    it("is written as the first version wrote it", async () => {
      const prefix = `${backend.prefix}:v1-write`;
      const feeds = createFeeds(redis, { prefix, ttl: 60_000, keep: { length: 3 } });
      const recent = createRecent(redis, { prefix, ttl: 60_000, length: 2 });
      for (const data of ["one", "two"]) await feeds.push("ada", data);
      await fanOut(feeds, ["ada"], { text: "ü€😀", deep: [1, null] }, { eventId: "post:1" });
      const { id } = await feeds.push("ada", 7, { requestId: "r" });
      await fanOut(feeds, ["ada"], [], { eventId: "post:2" });
      await markRead(feeds, "ada", "eve", id, { requestId: "r" });
      await feeds.remove("ada", "1-1", { requestId: "r" });
      for (const item of [{ viewed: 7 }, "ü"]) await recent.push("ada", item, { requestId: "r" });
      await recent.push("ada", "ü", { unique: true, requestId: "s" });
      const own = (await backend.keys()).filter((key) => key.includes(prefix) && !key.includes(":once:"));
      const written = await Promise.all(own.map(async (key) => [key, await stored(redis, key)] as const));
      expect(withoutClock(written, prefix)).toEqual(withoutClock(Object.entries(feedV1.keys), feedV1.prefix));
    });
  },
  bareKeys,
);

/** What two places have in common: their ids differ. */
function shapeOf(value: unknown, ids: readonly string[]): unknown {
  const shape = ids.reduce((json, id, i) => json.replaceAll(id, `item ${i}`), JSON.stringify(value ?? null));
  return JSON.parse(shape.replaceAll(/\d{13}-\d+/g, "another item"));
}

/** What a key holds, as the fixture writes it down. */
async function stored(redis: Redis, key: string): Promise<string[][]> {
  const type = text(await redis.send(["TYPE", key]));
  if (type === "string") return [["SET", text(await redis.send(["GET", key]))]];
  if (type === "hash") return [["HSET", ...texts(await redis.send(["HGETALL", key]))]];
  if (type === "list") return [["RPUSH", ...texts(await redis.send(["LRANGE", key, 0, -1]))]];
  if (type === "zset") {
    const pairs = texts(await redis.send(["ZRANGE", key, 0, -1, "WITHSCORES"]));
    return [["ZADD", ...pairs.flatMap((member, i) => (i % 2 === 0 ? [pairs[i + 1] ?? "", member] : []))]];
  }
  const entries = (await redis.send(["XRANGE", key, "-", "+"])) as Reply[][];
  return entries.map(([id = null, fields = null]) => ["XADD", text(id), ...texts(fields)]);
}

/** The same keys and values under one prefix, with each id of an item by its place. */
function withoutClock(keys: readonly (readonly [string, readonly (readonly string[])[]])[], prefix: string): unknown {
  const renamed = keys.map(([key, commands]) => [key.replaceAll(prefix, "prefix"), commands] as const);
  const json = JSON.stringify(renamed.toSorted(([one], [two]) => (one < two ? -1 : 1)));
  const ids = [...new Set(json.match(/\d{13}-\d+/g))].toSorted();
  return JSON.parse(json.replaceAll(/\d{13}-\d+/g, (id) => `item ${ids.indexOf(id)}`));
}
