import { beforeAll, describe, expect, it } from "vitest";
import { clearFeed, countUnread, createFeeds, type Feeds, markRead } from "../../src/core/patterns/feed/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("the options of feeds", (backend) => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: object = {}, port = redis): Feeds<unknown> =>
    createFeeds(port, { prefix: backend.prefix, ttl: 60_000, ...options });

  it.each<[string, object]>([
    ["prefix", { prefix: "" }],
    ["prefix", { prefix: "a{b}" }],
    ["ttl", { ttl: undefined }],
    ["ttl", { ttl: null }],
    ["ttl", { ttl: 0 }],
    ["ttl", { ttl: Number.NaN }],
    ["ttl", { ttl: "for ever" }],
    ["keep", { keep: 1_000 }],
    ["keep", { keep: null }],
    ["keep.length", { keep: {} }],
    ["keep.length", { keep: { length: 0 } }],
    ["keep.length", { keep: { length: 1.5 } }],
    ["keep.length", { keep: { length: 100_001 } }],
    ["maxBytes", { maxBytes: 0 }],
    ["requestTtl", { requestTtl: -1 }],
  ])("are named where they can never work: %s", (name, options) => {
    expect(() => open(options)).toThrow(`\`${name}\``);
  });

  const wrong: readonly (readonly [string, (feeds: Feeds<unknown>) => Promise<unknown>])[] = [
    ["id", (feeds) => feeds.push("", 1)],
    ["id", (feeds) => feeds.page(7 as never)],
    ["id", (feeds) => feeds.since("u".repeat(10_241), null)],
    ["item", (feeds) => feeds.push("ada", undefined)],
    ["item", (feeds) => feeds.push("ada", Number.NaN)],
    ["item.at", (feeds) => feeds.push("ada", { at: new Date(0) })],
    ["item", (feeds) => feeds.push("ada", { [Symbol("x")]: 1 })],
    ["options", (feeds) => feeds.push("ada", 1, "r" as never)],
    ["options", (feeds) => feeds.push("ada", 1, null as never)],
    ["requestId", (feeds) => feeds.push("ada", 1, { requestId: "" })],
    ["requestId", (feeds) => feeds.push("ada", 1, { requestId: "r".repeat(257) })],
    ["signal", (feeds) => feeds.push("ada", 1, { signal: 1 as never })],
    ["options", (feeds) => feeds.page("ada", 20 as never)],
    ["limit", (feeds) => feeds.page("ada", { limit: 0 })],
    ["limit", (feeds) => feeds.page("ada", { limit: 1_001 })],
    ["limit", (feeds) => feeds.page("ada", { limit: "5" as never })],
    ["cursor", (feeds) => feeds.page("ada", { cursor: "" })],
    ["cursor", (feeds) => feeds.page("ada", { cursor: "+" })],
    ["cursor", (feeds) => feeds.page("ada", { cursor: "1-18446744073709551616" })],
    ["onTrimmed", (feeds) => feeds.page("ada", { onTrimmed: 1 as never })],
    ["lastId", (feeds) => feeds.since("ada", undefined as never)],
    ["lastId", (feeds) => feeds.since("ada", "$")],
    ["lastId", (feeds) => feeds.since("ada", "1")],
    ["lastId", (feeds) => feeds.since("ada", "01-1")],
    ["limit", (feeds) => feeds.since("ada", null, { limit: 1e9 })],
    ["onTrimmed", (feeds) => feeds.since("ada", null, { onTrimmed: {} as never })],
    ["itemId", (feeds) => feeds.remove("ada", "*")],
    ["itemId", (feeds) => feeds.remove("ada", { id: "1-1" } as never)],
    ["options", (feeds) => feeds.remove("ada", "1-1", 5 as never)],
    ["reader", (feeds) => markRead(feeds, "ada", "", "1-1")],
    ["reader", (feeds) => markRead(feeds, "ada", "r".repeat(257), "1-1")],
    ["itemId", (feeds) => markRead(feeds, "ada", "eve", "")],
    ["options", (feeds) => markRead(feeds, "ada", "eve", "1-1", 5 as never)],
    ["feeds", () => markRead({} as never, "ada", "eve", "1-1")],
    ["reader", (feeds) => countUnread(feeds, "ada", null as never)],
    ["limit", (feeds) => countUnread(feeds, "ada", "eve", { limit: 1_001 })],
    ["options", (feeds) => countUnread(feeds, "ada", "eve", 99 as never)],
    ["id", (feeds) => clearFeed(feeds, "")],
    ["options", (feeds) => clearFeed(feeds, "ada", 5 as never)],
    ["feeds", () => clearFeed({} as never, "ada")],
    ["feeds", () => countUnread(undefined as never, "ada", "eve")],
  ];

  it("of a call are named, too, and nothing is sent", async () => {
    const counting = withFaults(redis);
    const feeds = open({}, counting);
    for (const [name, call] of wrong) {
      const error: unknown = await call(feeds).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "OPTION", message: expect.stringContaining(`\`${name}\``) });
    }
    expect(counting.counts().trips).toBe(0);
  });

  it("bound the size of an item, in bytes and not in characters", async () => {
    const feeds = open({ maxBytes: 11 });
    await feeds.push("size", "123456789");
    await feeds.push("size", "漢漢漢");
    await expect(feeds.push("size", "1234567890")).rejects.toMatchObject({ code: "TOO_LARGE", bytes: 12 });
    await expect(feeds.push("size", "漢漢漢漢")).rejects.toThrow("store a reference");
    await expect(open().push("size", "x".repeat(100_000))).rejects.toMatchObject({ code: "TOO_LARGE" });
  });

  it("do nothing when a factory is called: no trip, and no clock or random number", async () => {
    const counting = withFaults(redis);
    open({}, counting);
    expect(counting.counts().trips).toBe(0);
  });

  describe("let a caller leave", () => {
    it("before a call, and nothing is sent, or while it waits", async () => {
      const counting = withFaults(redis);
      const feeds = open({}, counting);
      const left = AbortSignal.abort(new Error("left"));
      for (const call of [
        () => feeds.push("left", 1, { signal: left }),
        () => feeds.page("left", { signal: left }),
        () => feeds.since("left", null, { signal: left }),
        () => feeds.remove("left", "1-1", { signal: left }),
        () => markRead(feeds, "left", "eve", "1-1", { signal: left }),
        () => countUnread(feeds, "left", "eve", { signal: left }),
      ]) {
        await expect(call()).rejects.toThrow("left");
      }
      expect(counting.counts().trips).toBe(0);
      const leaving = new AbortController();
      const held = counting.holdReply();
      const pushing = feeds.push("left", 1, { signal: leaving.signal, requestId: "r" });
      await held.reached;
      leaving.abort(new Error("left later"));
      await expect(pushing).rejects.toThrow("left later");
      const { id } = await feeds.push("left", 1, { requestId: "r" });
      expect((await feeds.page("left")).items).toEqual([{ id, data: 1 }]);
    });
  });
});
