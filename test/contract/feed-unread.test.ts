import { beforeAll, describe, expect, it } from "vitest";
import {
  clearFeed,
  countUnread,
  createFeeds,
  fanOut,
  type FeedOptions,
  markRead,
} from "../../src/core/patterns/feed/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("unread items", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<FeedOptions> = {}, port = redis) =>
    createFeeds<number>(port, { ttl: minutes(10), prefix: `${backend.prefix}:${(number += 1)}`, ...options });
  const key = (part: string) => `feed:${backend.prefix}:${number}:{ada}:${part}`;
  const openFilled = async (count: number, options?: Partial<FeedOptions>) => {
    const feeds = open(options);
    const ids: string[] = [];
    for (let n = 1; n <= count; n += 1) ids.push((await feeds.push("ada", n)).id);
    return { feeds, ids: [...ids, "", "", ""] as const };
  };

  it("are all for a reader without a marker, and those after it for one who has read", async () => {
    const { feeds, ids } = await openFilled(5);
    expect(await countUnread(feeds, "ada", "eve")).toEqual({ count: 5, more: false, lastRead: null });
    expect(await markRead(feeds, "ada", "eve", ids[2] ?? "")).toEqual({ lastRead: ids[2] });
    expect(await countUnread(feeds, "ada", "eve")).toEqual({ count: 2, more: false, lastRead: ids[2] });
    expect(await countUnread(feeds, "ada", "bob")).toMatchObject({ count: 5 });
    const { lastRead } = await countUnread(feeds, "ada", "eve");
    expect((await feeds.since("ada", lastRead)).items.map(({ data }) => data)).toEqual([4, 5]);
    await markRead(feeds, "ada", "eve", ids[4] ?? "");
    expect(await countUnread(feeds, "ada", "eve")).toMatchObject({ count: 0, more: false });
    expect(await countUnread(feeds, "nobody", "eve")).toEqual({ count: 0, more: false, lastRead: null });
  });

  it("are counted up to a limit: 100 or more", async () => {
    const { feeds, ids } = await openFilled(12);
    const count = (limit: number) => countUnread(feeds, "ada", "eve", { limit });
    expect(await count(12)).toMatchObject({ count: 12, more: false });
    expect(await count(11)).toMatchObject({ count: 11, more: true });
    await markRead(feeds, "ada", "eve", ids[0] ?? "");
    expect(await count(11)).toMatchObject({ count: 11, more: false });
    expect(await count(10)).toMatchObject({ count: 10, more: true });
    await feeds.remove("ada", ids[0] ?? "");
    expect(await count(11)).toMatchObject({ count: 11, more: false });
    expect(await count(10)).toMatchObject({ count: 10, more: true });
  });

  it("are more than those that are kept, where some were trimmed unread", async () => {
    const { feeds, ids } = await openFilled(6, { keep: { length: 3 } });
    expect(await countUnread(feeds, "ada", "eve")).toMatchObject({ count: 3, more: true });
    await markRead(feeds, "ada", "bob", ids[2] ?? "");
    expect(await countUnread(feeds, "ada", "bob")).toMatchObject({ count: 3, more: false });
  });

  it("are none for one who has read, also where all is gone and some of it was trimmed unread", async () => {
    const { feeds, ids } = await openFilled(3, { keep: { length: 2 } });
    for (const id of ids) if (id !== "") await feeds.remove("ada", id);
    expect(await countUnread(feeds, "ada", "eve")).toEqual({ count: 0, more: true, lastRead: null });
    expect(await markRead(feeds, "ada", "eve", "1-1")).toEqual({ lastRead: "1-1" });
    expect(await countUnread(feeds, "ada", "eve")).toMatchObject({ count: 0, more: true });
    const lastTrimmed = ids[0] ?? "";
    for (const [i, id] of [lastTrimmed, ids[2] ?? "", "18446744073709551615-1"].entries()) {
      for (const reader of [`reader ${i}`, "eve"]) {
        expect(await markRead(feeds, "ada", reader, id)).toEqual({ lastRead: lastTrimmed });
        expect(await countUnread(feeds, "ada", reader)).toEqual({ count: 0, more: false, lastRead: lastTrimmed });
      }
    }
    await feeds.push("ada", 4);
    expect(await countUnread(feeds, "ada", "eve")).toMatchObject({ count: 1, more: false });
  });

  describe("have a marker", () => {
    it("that never moves back, in whatever order it is set", async () => {
      const { feeds, ids } = await openFilled(4);
      await markRead(feeds, "ada", "eve", ids[2] ?? "");
      expect(await markRead(feeds, "ada", "eve", ids[0] ?? "")).toEqual({ lastRead: ids[2] });
      expect(await countUnread(feeds, "ada", "eve")).toMatchObject({ count: 1, lastRead: ids[2] });
      const all = [3, 1, 0, 2].map((i) => markRead(feeds, "ada", "eve", ids[i] ?? ""));
      await Promise.all(all);
      expect(await countUnread(feeds, "ada", "eve")).toMatchObject({ count: 0, lastRead: ids[3] });
    });

    it("that tells ids apart which differ in their last of 64 bits", async () => {
      const feeds = open();
      const ids = [
        "9007199254740992-9",
        "9007199254740993-9",
        "9007199254740993-10",
        "9007199254740993-18446744073709551615",
      ];
      for (const id of ids) await redis.send(["XADD", key("items"), id, "1", "1"]);
      await redis.send(["PEXPIRE", key("items"), 60_000]);
      for (const [i, id] of ids.entries()) {
        expect(await markRead(feeds, "ada", "eve", id)).toEqual({ lastRead: id });
        expect(await markRead(feeds, "ada", "eve", ids[0] ?? "")).toEqual({ lastRead: id });
        expect(await countUnread(feeds, "ada", "eve")).toMatchObject({ count: 3 - i });
      }
    });

    it("that stops at the newest item, so that a false id hides nothing that comes", async () => {
      const { feeds, ids } = await openFilled(2);
      const beyond = "18446744073709551615-18446744073709551615";
      expect(await markRead(feeds, "ada", "eve", beyond)).toEqual({ lastRead: ids[1] });
      await feeds.push("ada", 3);
      expect(await countUnread(feeds, "ada", "eve")).toMatchObject({ count: 1 });
      expect(await markRead(feeds, "nobody", "eve", beyond)).toEqual({ lastRead: null });
    });

    it("that lives as long as the feed, and no longer", async () => {
      const { feeds, ids } = await openFilled(1, { ttl: minutes(5) });
      await markRead(feeds, "ada", "eve", ids[0] ?? "");
      const pttl = async () => integer(await redis.send(["PTTL", key("readers")]));
      expect(await pttl()).toBeGreaterThan(minutes(4));
      await redis.send(["PEXPIRE", key("readers"), 60_000]);
      await feeds.push("ada", 2);
      expect(await pttl()).toBeGreaterThan(minutes(4));
      expect(await pttl()).toBeLessThanOrEqual(minutes(5));
    });

    it("of its own for each reader, whatever the name", async () => {
      const { feeds, ids } = await openFilled(2);
      const names = ["__proto__", "é", "%", "%25", "\ud800", "\ud801", " ", "r".repeat(256)];
      for (const [i, name] of names.entries()) await markRead(feeds, "ada", name, ids[i % 2] ?? "");
      for (const [i, name] of names.entries()) {
        expect((await countUnread(feeds, "ada", name)).lastRead, name).toBe(ids[i % 2]);
      }
    });
  });

  it("cost one trip and one script a call", async () => {
    const counting = withFaults(redis);
    const feeds = open({}, counting);
    const { id } = await feeds.push("ada", 1);
    await markRead(feeds, "ada", "eve", id);
    await countUnread(feeds, "ada", "eve");
    counting.reset();
    const marking = await backend.count(() => markRead(feeds, "ada", "bob", id));
    expect(marking).toEqual({ evalsha: 1, get: 1, hget: 1, xrevrange: 1, hset: 1, pexpire: 1, set: 1 });
    const counted = await backend.count(() => countUnread(feeds, "ada", "bob"));
    expect(counted).toEqual({ evalsha: 1, hget: 1, xrange: 1, get: 1 });
    expect(counting.counts().trips).toBe(2);
  });

  it("are gone with their feed, its markers and its events, when it is cleared", async () => {
    const { feeds, ids } = await openFilled(3, { keep: { length: 2 } });
    await markRead(feeds, "ada", "eve", ids[2] ?? "");
    await fanOut(feeds, ["ada"], 4, { eventId: "e" });
    await feeds.push("bob", 1);
    await clearFeed(feeds, "ada");
    for (const part of ["items", "trimmed", "readers", "events"]) {
      expect(await redis.send(["EXISTS", key(part)]), part).toBe(0);
    }
    expect(await countUnread(feeds, "ada", "eve")).toEqual({ count: 0, more: false, lastRead: null });
    expect((await feeds.page("bob")).items).toHaveLength(1);
    expect(await backend.count(() => clearFeed(feeds, "ada"))).toEqual({
      evalsha: 1,
      get: 2,
      xlen: 1,
      hlen: 1,
      zcard: 1,
      unlink: 1,
      set: 1,
    });
  });

  it.each(["items", "trimmed", "readers", "events"])(
    "stay with all of their feed where %s are a key of another program, which clearing would delete",
    async (part) => {
      const { feeds, ids } = await openFilled(3, { keep: { length: 2 } });
      await markRead(feeds, "ada", "eve", ids[2] ?? "");
      await fanOut(feeds, ["ada"], 4, { eventId: "e" });
      await redis.send(["DEL", key(part)]);
      const foreign = part === "trimmed" ? ["RPUSH", key(part), "v"] : ["SET", key(part), "v"];
      await redis.send(foreign as ["SET", string, string]);
      await redis.send(["PEXPIRE", key(part), 60_000]);
      await expect(clearFeed(feeds, "ada")).rejects.toMatchObject({ code: "WRONGTYPE" });
      for (const each of ["items", "trimmed", "readers", "events"]) {
        expect(await redis.send(["EXISTS", key(each)]), each).toBe(1);
      }
    },
  );

  it("are not counted in a key of another program, and it is left alone", async () => {
    const { feeds, ids } = await openFilled(1);
    await redis.send(["SET", key("readers"), "v", "PX", 60_000]);
    await expect(countUnread(feeds, "ada", "eve")).rejects.toMatchObject({ code: "WRONGTYPE" });
    await expect(markRead(feeds, "ada", "eve", ids[0] ?? "")).rejects.toMatchObject({ code: "WRONGTYPE" });
    expect(await redis.send(["GET", key("readers")])).toBe("v");
  });
});
