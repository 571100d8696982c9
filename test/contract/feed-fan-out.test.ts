import { beforeAll, describe, expect, it } from "vitest";
import { createFeeds, fanOut, type FanOutProgress, type FeedOptions } from "../../src/core/patterns/feed/index.ts";
import type { Command, Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

const idsUpTo = (count: number) => Array.from({ length: count }, (_, i) => `follower ${i}`);

onEveryBackend("a fan-out", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<FeedOptions> = {}, port = redis) =>
    createFeeds<string>(port, { ttl: minutes(10), prefix: `${backend.prefix}:${(number += 1)}`, ...options });
  const key = (id: string, part: string) => `feed:${backend.prefix}:${number}:{${id}}:${part}`;
  /** How many items each feed has. */
  const lengths = async (ids: readonly string[]) =>
    (await redis.pipeline(ids.map((id): Command => ["XLEN", key(id, "items")]))).map(Number);

  it("gives every feed the item once, in batches of a trip each, and tells after each how far it is", async () => {
    const counting = withFaults(redis);
    const feeds = open({}, counting);
    const ids = idsUpTo(25);
    // The first call tells Redis the text of the script.
    await fanOut(feeds, ids, "warm-up", { eventId: "e0" });
    counting.reset();
    const told: FanOutProgress[] = [];
    const options = { eventId: "e1", batch: 10, onProgress: (progress: FanOutProgress) => told.push(progress) };
    const done = await fanOut(feeds, ids, "hello", options);
    const none = { failed: 0, failures: [] };
    expect(told).toEqual([
      { next: 10, lastId: "follower 9", delivered: 10, ...none },
      { next: 20, lastId: "follower 19", delivered: 20, ...none },
      { next: 25, lastId: "follower 24", delivered: 25, ...none },
    ]);
    expect(done).toEqual(told[2]);
    expect(counting.counts()).toMatchObject({ trips: 3, commands: { EVALSHA: 25 } });
    expect(await lengths(ids)).toEqual(ids.map(() => 2));
    expect((await feeds.page("follower 7")).items[0]?.data).toBe("hello");
    expect(await fanOut(feeds, [], "hello", { eventId: "e1" })).toEqual({
      next: 0,
      lastId: null,
      delivered: 0,
      ...none,
    });
  });

  const deaths = [
    ["is on its way", 500],
    ["was carried out", 500],
  ] as const;
  it.each(backend.share(deaths))(
    "that was ended while its third batch %s goes on, or begins anew, and duplicates nothing",
    async (when, count) => {
      const faulty = withFaults(redis);
      const feeds = open({}, faulty);
      const ids = idsUpTo(count);
      const options = { eventId: "post:7", batch: 100 };
      await fanOut(feeds, ["warm up"], "hello", options);
      const killed = new AbortController();
      const kill = () => killed.abort(new Error("killed"));
      for (let batch = 1; batch < 3; batch += 1) faulty.next((run) => run());
      faulty.next(async (run) => {
        if (when === "is on its way") kill();
        const answer = await run();
        kill();
        return answer;
      });
      let next = 0;
      const onProgress = (progress: FanOutProgress) => void ({ next } = progress);
      const run = fanOut(feeds, ids, "hello", { ...options, onProgress, signal: killed.signal });
      await expect(run).rejects.toThrow("killed");
      expect(next).toBe(200);
      const rest = await fanOut(feeds, ids, "hello", { ...options, from: next });
      expect(rest).toMatchObject({ next: count, delivered: count - next });
      expect(await lengths(ids)).toEqual(ids.map(() => 1));
      const anew = await fanOut(feeds, ids, "hello", options);
      expect(anew).toMatchObject({ next: count, delivered: count, failed: 0 });
      expect(await lengths(ids)).toEqual(ids.map(() => 1));
    },
  );

  it("counts once where a reply is lost, where a network repeats it, and where two runs overlap", async () => {
    const faulty = withFaults(redis);
    const feeds = open({}, faulty);
    const ids = idsUpTo(20);
    const options = { eventId: "e", batch: 10 };
    await fanOut(feeds, ["warm up"], "x", options);
    let next = 0;
    faulty.runTwice();
    faulty.loseReply();
    const onProgress = (progress: FanOutProgress) => void ({ next } = progress);
    await expect(fanOut(feeds, ids, "x", { ...options, onProgress })).rejects.toMatchObject({ code: "CONNECTION" });
    expect(next).toBe(10);
    const again = await Promise.all([1, 2, 3].map(() => fanOut(feeds, ids, "x", options)));
    expect(again.map(({ delivered }) => delivered)).toEqual([20, 20, 20]);
    expect(await lengths(ids)).toEqual(ids.map(() => 1));
  });

  it("would be found if it pushed twice, as a push without the memory of the event does", async () => {
    const feeds = open();
    const ids = idsUpTo(3);
    for (let run = 0; run < 2; run += 1) await Promise.all(ids.map((id) => feeds.push(id, "x")));
    expect(await lengths(ids)).toEqual([2, 2, 2]);
  });

  it("remembers an event longer than a minute: for the TTL, and for as many events as items are kept", async () => {
    const feeds = open({ keep: { length: 3 }, ttl: minutes(5) });
    for (const eventId of ["e1", "e2", "e3", "e2", "e1"]) await fanOut(feeds, ["ada"], eventId, { eventId });
    expect((await feeds.page("ada")).items.map(({ data }) => data)).toEqual(["e3", "e2", "e1"]);
    expect(integer(await redis.send(["PTTL", key("ada", "events")]))).toBeGreaterThan(minutes(4));
    await fanOut(feeds, ["ada"], "e4", { eventId: "e4" });
    expect(await redis.send(["ZRANGE", key("ada", "events"), 0, -1])).toEqual(["e2", "e3", "e4"]);
    // The one that was forgotten comes again: this is the bound.
    await fanOut(feeds, ["ada"], "e1", { eventId: "e1" });
    expect((await feeds.page("ada")).items.map(({ data }) => data)).toEqual(["e1", "e4", "e3"]);
  });

  it.each(["push", "remove"] as const)(
    "remembers an event for as long as the feed lives, which a %s renews",
    async (change) => {
      const feeds = open({ ttl: minutes(5) });
      const prefix = `${backend.prefix}:${number}`;
      const eventId = "e1";
      await fanOut(feeds, ["ada"], "hello", { eventId });
      const longer = open({ ttl: minutes(20), prefix });
      number -= 1;
      const [first] = (await longer.page("ada")).items;
      await (change === "push" ? longer.push("ada", "more") : longer.remove("ada", first?.id ?? ""));
      for (const part of ["items", "events"]) {
        expect(integer(await redis.send(["PTTL", key("ada", part)]))).toBeGreaterThan(minutes(19));
      }
    },
  );

  it("asks for no ids where its signal was aborted before", async () => {
    const feeds = open();
    let asked = 0;
    function* source() {
      asked += 1;
      yield "ada";
    }
    for (const ids of [source(), []]) {
      const run = fanOut(feeds, ids, "x", { eventId: "e", signal: AbortSignal.abort(new Error("left")) });
      await expect(run).rejects.toThrow("left");
    }
    expect(asked).toBe(0);
  });

  it("adds an event again where Redis has evicted what remembers it, and keeps no word of what was trimmed then", async () => {
    const feeds = open({ keep: { length: 1 } });
    const again = () => fanOut(feeds, ["ada"], "x", { eventId: "e" });
    await again();
    await redis.send(["DEL", key("ada", "events")]);
    const [first] = (await feeds.page("ada")).items;
    await again();
    const since = async () => {
      const told: string[] = [];
      const options = { onTrimmed: ({ lastTrimmed }: { lastTrimmed: string }) => told.push(lastTrimmed) };
      const { items } = await feeds.since("ada", null, options);
      expect(items).toHaveLength(1);
      return told;
    };
    expect(await since()).toEqual([first?.id]);
    await redis.send(["DEL", key("ada", "trimmed")]);
    expect(await since()).toEqual([]);
  });

  it("sends at most 4 MB a trip, also where the ids are long", async () => {
    const counting = withFaults(redis);
    const feeds = open({}, counting);
    await fanOut(feeds, ["warm-up"], "hello", { eventId: "e0" });
    counting.reset();
    // Four keys of a feed have its id, and so does each of these.
    const ids = Array.from({ length: 60 }, (_, i) => `${i}:${"\u20ac".repeat(10_000)}`);
    expect(await fanOut(feeds, ids, "hello", { eventId: "e1" })).toMatchObject({ next: 60, delivered: 60 });
    expect(counting.counts().trips).toBe(2);
  });

  it("does not bring back an item that was removed", async () => {
    const feeds = open();
    await fanOut(feeds, ["ada"], "x", { eventId: "e" });
    const [item] = (await feeds.page("ada")).items;
    await feeds.remove("ada", item?.id ?? "");
    expect(await fanOut(feeds, ["ada"], "x", { eventId: "e" })).toMatchObject({ delivered: 1 });
    expect(await lengths(["ada"])).toEqual([0]);
  });

  it("reports a feed that fails, and stops for none", async () => {
    const feeds = open();
    await redis.send(["SET", key("b", "items"), "v", "PX", 60_000]);
    await redis.send(["SET", key("c", "events"), "v", "PX", 60_000]);
    const ids = ["a", "b", "", "c", null as never, "d"];
    const { failures, ...rest } = await fanOut(feeds, ids, "x", { eventId: "e", batch: 2 });
    expect(rest).toEqual({ next: 6, lastId: "d", delivered: 2, failed: 4 });
    expect(failures.map(({ id, error }) => [id, error.code])).toEqual([
      ["b", "WRONGTYPE"],
      ["", "OPTION"],
      ["c", "WRONGTYPE"],
      [null, "OPTION"],
    ]);
    expect(await lengths(["a", "d"])).toEqual([1, 1]);
    expect(await redis.send(["EXISTS", key("c", "items")])).toBe(0);
  });

  it.each(["OOM command not allowed", "NOPERM no permissions", "NOAUTH Authentication required"])(
    "ends where Redis refuses all: %s",
    async (refusal) => {
      const faulty = withFaults(redis);
      const feeds = open({}, faulty);
      faulty.refuse(refusal);
      const run = fanOut(feeds, idsUpTo(6), "x", { eventId: "e", batch: 3 });
      await expect(run).rejects.toMatchObject({ code: refusal.split(" ")[0] });
      expect(await fanOut(feeds, idsUpTo(6), "x", { eventId: "e", batch: 3 })).toMatchObject({ delivered: 6 });
    },
  );

  it("takes its ids from a database, page by page, and asks for no more than it needs", async () => {
    const feeds = open();
    let asked = 0;
    async function* followers() {
      for (; asked < 10; asked += 1) yield* idsUpTo(asked * 3 + 3).slice(asked * 3);
    }
    const stop = new Error("stop");
    const onProgress = ({ next }: FanOutProgress) => {
      if (next === 8) throw stop;
    };
    await expect(fanOut(feeds, followers(), "x", { eventId: "e", batch: 4, onProgress })).rejects.toBe(stop);
    expect(asked).toBe(2);
    expect(await lengths(idsUpTo(9))).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 0]);
    expect(await fanOut(feeds, new Set(["a", "b"]), "x", { eventId: "e" })).toMatchObject({ delivered: 2 });
  });

  it("sends at most 4 MB in a trip", async () => {
    const counting = withFaults(redis);
    const feeds = open({ maxBytes: 1_000_000 }, counting);
    await fanOut(feeds, ["warm up"], "x", { eventId: "e" });
    counting.reset();
    await fanOut(feeds, idsUpTo(5), "x".repeat(900_000), { eventId: "e" });
    expect(counting.counts().trips).toBe(2);
  });

  describe("of one feed", () => {
    it("costs one script, and so many commands inside it", async () => {
      const feeds = open({ keep: { length: 1 } });
      await fanOut(feeds, ["ada"], "x", { eventId: "e1" });
      const inside = { zscore: 1, xadd: 1, xlen: 1, xrange: 1, set: 1, xtrim: 1, zrange: 1, zadd: 1 };
      expect(await backend.count(() => fanOut(feeds, ["ada"], "x", { eventId: "e2" }))).toEqual({
        evalsha: 1,
        ...inside,
        zremrangebyrank: 1,
        pexpire: 4,
      });
      expect(await backend.count(() => fanOut(feeds, ["ada"], "x", { eventId: "e2" }))).toEqual({
        evalsha: 1,
        zscore: 1,
      });
    });
  });

  it.each<[string, unknown, unknown]>([
    ["options", ["a"], undefined],
    ["options", ["a"], null],
    ["options", ["a"], "e"],
    ["eventId", ["a"], {}],
    ["eventId", ["a"], { eventId: "" }],
    ["eventId", ["a"], { eventId: "e".repeat(257) }],
    ["batch", ["a"], { eventId: "e", batch: 501 }],
    ["batch", ["a"], { eventId: "e", batch: 0 }],
    ["batch", ["a"], { eventId: "e", batch: null }],
    ["from", ["a"], { eventId: "e", from: -1 }],
    ["from", ["a"], { eventId: "e", from: 1.5 }],
    ["onProgress", ["a"], { eventId: "e", onProgress: 1 }],
    ["signal", ["a"], { eventId: "e", signal: 1 }],
    ["ids", "ada", { eventId: "e" }],
    ["ids", null, { eventId: "e" }],
    ["ids", { 0: "ada" }, { eventId: "e" }],
  ])("names the option that can never work: %s", async (name, ids, options) => {
    const feeds = open();
    await expect(fanOut(feeds, ids as never, "x", options as never)).rejects.toMatchObject({
      code: "OPTION",
      message: expect.stringContaining(`\`${name}\``),
    });
    await expect(fanOut({ ...feeds }, ["a"], "x", { eventId: "e" })).rejects.toMatchObject({ code: "OPTION" });
    expect(await lengths(["ada", "a"])).toEqual([0, 0]);
  });
});
