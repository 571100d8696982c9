import { beforeAll, describe, expect, it } from "vitest";
import { createFeeds, type FeedOptions, type Feeds } from "../../src/core/patterns/feed/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

type Note = { readonly n: number };

onEveryBackend("a feed", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<FeedOptions> = {}, port = redis) =>
    createFeeds<Note>(port, { ttl: minutes(10), prefix: `${backend.prefix}:${(number += 1)}`, ...options });
  const key = (part: string, id = "ada") => `feed:${backend.prefix}:${number}:{${id}}:${part}`;
  const pttl = async (part: string) => integer(await redis.send(["PTTL", key(part)]));
  const fill = async (feeds: Feeds<Note>, from: number, to: number) => {
    const ids: string[] = [];
    for (let n = from; n <= to; n += 1) ids.push((await feeds.push("ada", { n })).id);
    return ids;
  };
  const numbers = ({ items }: { readonly items: readonly { readonly data: Note }[] }) =>
    items.map(({ data }) => data.n);

  it("is read page by page, the newest items first, and knows its last page", async () => {
    const feeds = open();
    const ids = await fill(feeds, 1, 5);
    const first = await feeds.page("ada", { limit: 2 });
    expect(first.items).toEqual([
      { id: ids[4], data: { n: 5 } },
      { id: ids[3], data: { n: 4 } },
    ]);
    const second = await feeds.page("ada", { limit: 2, cursor: first.cursor ?? "" });
    const third = await feeds.page("ada", { limit: 2, cursor: second.cursor ?? "" });
    expect([numbers(second), numbers(third), third.cursor]).toEqual([[3, 2], [1], null]);
    expect(numbers(await feeds.page("ada"))).toEqual([5, 4, 3, 2, 1]);
    expect((await feeds.page("ada", { limit: 5 })).cursor).toBeNull();
    expect(await feeds.page("nobody")).toEqual({ items: [], cursor: null });
  });

  it("tells what is newer than an item, the oldest first", async () => {
    const feeds = open();
    const [first = "", , third = ""] = await fill(feeds, 1, 4);
    const news = await feeds.since("ada", first, { limit: 2 });
    expect([numbers(news), news.lastId, news.more]).toEqual([[2, 3], third, true]);
    const rest = await feeds.since("ada", news.lastId);
    expect([numbers(rest), rest.more]).toEqual([[4], false]);
    expect(await feeds.since("ada", rest.lastId)).toEqual({ items: [], lastId: rest.lastId, more: false });
    expect(numbers(await feeds.since("ada", null))).toEqual([1, 2, 3, 4]);
    expect(await feeds.since("nobody", null)).toEqual({ items: [], lastId: null, more: false });
  });

  it("removes one item by its id, which lists of LPUSH and LTRIM cannot (no remove by id)", async () => {
    const feeds = open();
    const ids = await fill(feeds, 1, 3);
    expect(await feeds.remove("ada", ids[1] ?? "")).toBe(true);
    expect(await feeds.remove("ada", ids[1] ?? "")).toBe(false);
    expect(await feeds.remove("nobody", ids[1] ?? "")).toBe(false);
    expect(numbers(await feeds.page("ada"))).toEqual([3, 1]);
    // A page goes on after an item that was removed meanwhile.
    expect(numbers(await feeds.page("ada", { cursor: ids[1] ?? "" }))).toEqual([1]);
    expect(numbers(await feeds.since("ada", ids[1] ?? ""))).toEqual([3]);
  });

  it("has exactly as many items as it may, not up to a hundred more, whatever the length was before", async () => {
    const feeds = open({ keep: { length: 150 } });
    await Promise.all(Array.from({ length: 201 }, (_, n) => feeds.push("ada", { n })));
    expect(await redis.send(["XLEN", key("items")])).toBe(150);
    const prefix = `${backend.prefix}:${number}`;
    await createFeeds<Note>(redis, { prefix, ttl: 60_000, keep: { length: 3 } }).push("ada", { n: 1_000 });
    expect(await redis.send(["XLEN", key("items")])).toBe(3);
    await createFeeds<Note>(redis, { prefix, ttl: 60_000, keep: { length: 5 } }).push("ada", { n: 1_001 });
    expect(await redis.send(["XLEN", key("items")])).toBe(4);
    expect(numbers(await feeds.page("ada")).slice(0, 2)).toEqual([1_001, 1_000]);
  });

  it("keeps one item where one is kept", async () => {
    const feeds = open({ keep: { length: 1 } });
    await fill(feeds, 1, 3);
    expect(numbers(await feeds.page("ada"))).toEqual([3]);
  });

  it("lives for its TTL after each change, and not for ever (no TTL on idle feeds)", async () => {
    const feeds = open({ keep: { length: 1 }, ttl: minutes(5) });
    const [, second = ""] = await fill(feeds, 1, 2);
    for (const part of ["items", "trimmed"]) {
      expect(await pttl(part)).toBeGreaterThan(minutes(4));
      expect(await pttl(part)).toBeLessThanOrEqual(minutes(5));
      await redis.send(["PEXPIRE", key(part), 60_000]);
    }
    await feeds.remove("ada", second);
    for (const part of ["items", "trimmed"]) expect(await pttl(part)).toBeGreaterThan(minutes(4));
  });

  it("stays for ever where it is permanent, also if it had a TTL before, and its requests do not", async () => {
    const prefix = `${backend.prefix}:permanent`;
    await createFeeds<Note>(redis, { prefix, ttl: 60_000 }).push("ada", { n: 1 });
    await createFeeds<Note>(redis, { prefix, ttl: "permanent", keep: { length: 1 } }).push("ada", { n: 2 });
    const keys = (await backend.keys()).filter((name) => name.startsWith(`feed:${prefix}:`));
    const ttls = await Promise.all(keys.map(async (name) => [name, await redis.send(["PTTL", name])] as const));
    expect(ttls).toHaveLength(4);
    for (const [name, ttl] of ttls) expect(integer(ttl) === -1, name).toBe(/:(items|trimmed)$/.test(name));
  });

  describe("whose items were trimmed", () => {
    const told: string[] = [];
    const onTrimmed = ({ lastTrimmed }: { readonly lastTrimmed: string }) => void told.push(lastTrimmed);
    const heard = async (work: Promise<unknown>) => {
      told.length = 0;
      await work;
      return [...told];
    };

    it("says so to a reader who has missed some, and to nobody else", async () => {
      const feeds = open({ keep: { length: 3 } });
      const [one = "", two = "", three = "", , five = ""] = await fill(feeds, 1, 5);
      expect(await heard(feeds.since("ada", one, { onTrimmed }))).toEqual([two]);
      expect(await heard(feeds.since("ada", null, { onTrimmed }))).toEqual([two]);
      // The last item that this one has seen is the last one that was trimmed: nothing is missing.
      expect(await heard(feeds.since("ada", two, { onTrimmed }))).toEqual([]);
      expect(await heard(feeds.since("ada", five, { onTrimmed }))).toEqual([]);
      expect(await heard(feeds.page("ada", { cursor: two, onTrimmed }))).toEqual([two]);
      expect(await heard(feeds.page("ada", { cursor: one, onTrimmed }))).toEqual([two]);
      expect(await heard(feeds.page("ada", { cursor: three, onTrimmed }))).toEqual([]);
      expect(await heard(feeds.page("ada", { onTrimmed }))).toEqual([]);
      expect(await heard(feeds.since("nobody", one, { onTrimmed }))).toEqual([]);
    });

    it("takes no gap for one that `remove` left", async () => {
      const feeds = open({ keep: { length: 3 } });
      const [one = "", two = "", three = "", four = ""] = await fill(feeds, 1, 3).then(async (ids) => {
        await feeds.remove("ada", ids[0] ?? "");
        await feeds.remove("ada", ids[1] ?? "");
        return [...ids, ...(await fill(feeds, 4, 5))];
      });
      expect(await redis.send(["EXISTS", key("trimmed")])).toBe(0);
      for (const id of [one, two, three]) {
        expect(await heard(feeds.since("ada", id, { onTrimmed }))).toEqual([]);
        expect(await heard(feeds.page("ada", { cursor: id, onTrimmed }))).toEqual([]);
      }
      await fill(feeds, 6, 6);
      expect(await heard(feeds.since("ada", two, { onTrimmed }))).toEqual([three]);
      expect(await heard(feeds.since("ada", three, { onTrimmed }))).toEqual([]);
      expect(numbers(await feeds.since("ada", four))).toEqual([5, 6]);
    });

    it("names the newest of many that a shorter length takes at once", async () => {
      const feeds = open({ keep: { length: 50 } });
      const ids = await fill(feeds, 1, 30);
      const prefix = `${backend.prefix}:${number}`;
      await createFeeds<Note>(redis, { prefix, ttl: 60_000, keep: { length: 4 } }).push("ada", { n: 31 });
      expect(await redis.send(["GET", key("trimmed")])).toBe(ids[26]);
      expect(numbers(await feeds.since("ada", ids[26] ?? ""))).toEqual([28, 29, 30, 31]);
    });

    it("waits for the one who is told, and throws what it throws", async () => {
      const feeds = open({ keep: { length: 1 } });
      const [one = ""] = await fill(feeds, 1, 3);
      const fail = async () => Promise.reject(new Error("cannot reload"));
      await expect(feeds.since("ada", one, { onTrimmed: fail })).rejects.toThrow("cannot reload");
      await expect(feeds.page("ada", { cursor: one, onTrimmed: fail })).rejects.toThrow("cannot reload");
    });
  });

  it("goes on with greater ids where the server's clock is behind the last one, as after a failover", async () => {
    const feeds = open();
    await redis.send(["XADD", key("items"), "9007199254740993-18446744073709551615", "1", '{"n":1}']);
    const { id } = await feeds.push("ada", { n: 2 });
    expect(id).toBe("9007199254740994-0");
    // Numbers of JavaScript do not tell these two apart.
    expect(numbers(await feeds.page("ada", { cursor: id }))).toEqual([1]);
    expect(numbers(await feeds.since("ada", "9007199254740993-18446744073709551615"))).toEqual([2]);
    expect(numbers(await feeds.since("ada", "9007199254740993-18446744073709551614"))).toEqual([1, 2]);
  });

  it("costs one trip and one script a call, and so many commands inside it", async () => {
    const counting = withFaults(redis);
    const feeds = open({ keep: { length: 2 } }, counting);
    const [one = ""] = await fill(feeds, 1, 2);
    await feeds.remove("ada", "1-1");
    await feeds.since("ada", one);
    await feeds.page("ada");
    counting.reset();
    const costs = async (work: () => Promise<unknown>) => {
      const counts = await backend.count(work);
      const { trips } = counting.counts();
      counting.reset();
      return { trips, ...counts };
    };
    const full = { get: 1, xadd: 1, xlen: 1, xrange: 1, xtrim: 1, set: 2, pexpire: 4 };
    expect(await costs(() => feeds.push("ada", { n: 3 }))).toEqual({ trips: 1, evalsha: 1, ...full });
    expect(await costs(() => feeds.page("ada"))).toEqual({ trips: 1, evalsha: 1, get: 1, xrevrange: 1 });
    expect(await costs(() => feeds.since("ada", one))).toEqual({ trips: 1, evalsha: 1, get: 1, xrange: 1 });
    const removal = { trips: 1, evalsha: 1, get: 1, xdel: 1, set: 1, pexpire: 4 };
    expect(await costs(() => feeds.remove("ada", "1-1"))).toEqual(removal);
    const short = { trips: 1, evalsha: 1, get: 1, xadd: 1, xlen: 1, set: 1, pexpire: 4 };
    await feeds.push("bob", { n: 1 });
    counting.reset();
    expect(await costs(() => feeds.push("bob", { n: 2 }))).toEqual(short);
  });

  it("takes ids and items of any text", async () => {
    const feeds = createFeeds(redis, { prefix: `${backend.prefix}:text`, ttl: 60_000 });
    for (const id of ["a:b", "{x}", "*", "ü", "u".repeat(10_000), "%7B", "\n", "\ud800", "\udc00", "__proto__"]) {
      const item = { id, deep: [null, -0.5, "\u0000é漢😀\ud800"], "": true };
      await feeds.push(id, item);
      expect((await feeds.page(id)).items.map(({ data }) => data)).toEqual([item]);
    }
  });

  it("refuses to read what another program keeps under its name, and leaves it alone", async () => {
    const feeds = open();
    await redis.send(["SET", key("items"), "v", "PX", 60_000]);
    for (const call of [
      () => feeds.push("ada", { n: 1 }),
      () => feeds.page("ada"),
      () => feeds.since("ada", null),
      () => feeds.remove("ada", "1-1"),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: "WRONGTYPE" });
    }
    expect(await redis.send(["GET", key("items")])).toBe("v");
    for (const [field, value] of [
      ["2", "{}"],
      ["1", "{"],
    ] as const) {
      await redis.send(["DEL", key("items")]);
      await redis.send(["XADD", key("items"), "1-1", field, value]);
      await redis.send(["PEXPIRE", key("items"), 60_000]);
      await expect(feeds.page("ada")).rejects.toMatchObject({ code: "SHAPE" });
    }
  });
});
