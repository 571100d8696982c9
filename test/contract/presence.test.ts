import { beforeAll, describe, expect, it } from "vitest";
import { createPresence, type PresenceOptions } from "../../src/core/patterns/presence/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer, texts } from "../../src/core/port/reply.ts";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { endVisits, keyOfRoom, loggedIn, storyOf } from "../fixtures/presence-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

type Data = { readonly name: string };

onEveryBackend("presence", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<PresenceOptions> = {}, port = redis) =>
    createPresence<Data>(port, { prefix: `${backend.prefix}:${(number += 1)}`, ttl: minutes(1), ...options });
  const prefix = () => `${backend.prefix}:${number}`;
  const story = () => storyOf(redis, prefix(), "room");
  const end = (id?: string) => endVisits(redis, prefix(), "room", id);
  const serverNow = async () => Math.floor(Number(texts(await redis.send(["TIME"]))[0]) * 1_000);

  it("lists who is here, counts them, and finds one of them", async () => {
    const online = open();
    const before = await serverNow();
    expect(await online.list("room")).toEqual({ members: [], cursor: null, lastId: "0-0" });
    await online.join("room", "ada", { data: { name: "Ada" } });
    await online.join("room", "bob");
    const ada = { member: "ada", visits: 1, joinedAt: expect.any(Number), data: { name: "Ada" } };
    const { members, cursor, lastId } = await online.list("room");
    expect(members).toEqual([ada, { member: "bob", visits: 1, joinedAt: expect.any(Number), data: undefined }]);
    expect(cursor).toBeNull();
    expect(lastId).toMatch(/^\d{13}-\d+$/);
    expect(members[0]?.joinedAt).toBeGreaterThanOrEqual(before);
    expect(await online.count("room")).toEqual({ members: 2, visits: 2 });
    expect(await online.get("room", "ada")).toEqual(ada);
    expect(await online.get("room", "eve")).toBeNull();
    expect(await online.count("other")).toEqual({ members: 0, visits: 0 });
  });

  it("counts a member with several tabs once, and tells that it left when the last one ends", async () => {
    const online = open();
    const tabs = [];
    for (let i = 0; i < 3; i += 1) tabs.push(await online.join("room", "ada"));
    expect(new Set(tabs.map(({ id }) => id)).size).toBe(3);
    expect(await online.count("room")).toEqual({ members: 1, visits: 3 });
    expect((await online.get("room", "ada"))?.visits).toBe(3);
    expect(await tabs[0]?.leave()).toBe(true);
    expect(await tabs[2]?.leave()).toBe(true);
    expect([await story(), await online.count("room")]).toEqual(["+ada", { members: 1, visits: 1 }]);
    expect(await tabs[1]?.leave()).toBe(true);
    expect([await story(), await online.count("room")]).toEqual(["+ada -ada", { members: 0, visits: 0 }]);
  });

  it("tells nothing of a reload whose new visit begins before the old one ends", async () => {
    const online = open();
    const old = await online.join("room", "ada");
    const fresh = await online.join("room", "ada");
    await old.leave();
    expect(await story()).toBe("+ada");
    // The other order is two transitions.
    await fresh.leave();
    await online.join("room", "ada");
    expect(await story()).toBe("+ada -ada +ada");
  });

  it("tells what happened, when, and what the join was given", async () => {
    const online = open();
    const visit = await online.join("room", "ada", { data: { name: "Ada" } });
    await visit.leave();
    const [joined, left] = await loggedIn(redis, prefix(), "room");
    expect(joined).toEqual({ type: "joined", member: "ada", at: expect.any(Number), data: { name: "Ada" } });
    expect(left).toEqual({ type: "left", member: "ada", at: expect.any(Number) });
    expect(Number(left?.["at"])).toBeGreaterThanOrEqual(Number(joined?.["at"]));
  });

  it("shows the data that was given last, and keeps it where none is given", async () => {
    const online = open();
    await online.join("room", "ada", { data: { name: "Ada" } });
    await online.join("room", "ada");
    expect((await online.get("room", "ada"))?.data).toEqual({ name: "Ada" });
    await online.join("room", "ada", { data: { name: "Lovelace" } });
    expect((await online.get("room", "ada"))?.data).toEqual({ name: "Lovelace" });
    expect((await online.list("room")).members[0]?.visits).toBe(3);
  });

  describe("of a member who crashed", () => {
    it.each(["join", "list", "count", "get", "extend", "leave"] as const)(
      "is ended by whoever calls %s next in that room, once and with the end of its time",
      async (call) => {
        const online = open();
        const other = await online.join("room", "bob");
        const crashed = await online.join("room", "ada");
        expect(await end(crashed.id)).toBe(1);
        // Looking at another room tells nothing of this one.
        await online.count("room 2");
        expect(await story()).toBe("+bob +ada");
        const calls = {
          join: () => online.join("room", "bob"),
          list: () => online.list("room"),
          count: () => online.count("room"),
          get: () => online.get("room", "ada"),
          extend: () => other.extend(),
          leave: () => online.resume("room", "eve", "unknown").leave(),
        };
        await calls[call]();
        await calls[call]();
        expect(await story()).toBe("+bob +ada -ada");
        expect((await loggedIn(redis, prefix(), "room")).at(-1)?.["at"]).toBe(1_700_000_000_000);
        expect(await online.get("room", "ada")).toBeNull();
      },
    );

    it("goes on if the heartbeat comes again, as after a laptop was closed", async () => {
      const online = open();
      const visit = await online.join("room", "ada", { data: { name: "Ada" } });
      expect(await visit.extend()).toEqual({ rejoined: false });
      await end();
      expect(await visit.extend()).toEqual({ rejoined: true });
      expect(await visit.extend()).toEqual({ rejoined: false });
      expect(await story()).toBe("+ada -ada +ada");
      expect(await online.get("room", "ada")).toMatchObject({ visits: 1, data: { name: "Ada" } });
      expect(await visit.leave()).toBe(true);
      expect(await story()).toBe("+ada -ada +ada -ada");
    });

    it("is no reason to say that it left while another tab lives", async () => {
      const online = open();
      const crashed = await online.join("room", "ada");
      const alive = await online.join("room", "ada");
      await end(crashed.id);
      expect(await online.count("room")).toEqual({ members: 1, visits: 1 });
      expect(await alive.extend()).toEqual({ rejoined: false });
      expect(await crashed.leave()).toBe(false);
      expect(await story()).toBe("+ada");
    });

    it("ends by itself after its time, and not before", async () => {
      const online = open({ ttl: 40 });
      const start = performance.now();
      await online.join("room", "ada");
      let count = await online.count("room");
      while (count.members > 0) count = await online.count("room");
      const took = performance.now() - start;
      const [joined, left] = await loggedIn(redis, prefix(), "room");
      expect(Number(left?.["at"]) - Number(joined?.["at"])).toBe(40);
      // Less a millisecond, by which the clock of this process may be slower.
      expect(took).toBeGreaterThan(39);
    });

    it("takes at most a hundred from the room at once, so that no call takes long", async () => {
      const online = open();
      await Promise.all(Array.from({ length: 250 }, (_, n) => online.join("room", `m${n}`)));
      const last = await online.join("room", "last");
      expect(await end()).toBe(251);
      const visits = keyOfRoom(prefix(), "room", "visits");
      await redis.send(["ZADD", visits, "XX", 1_700_000_000_001, `${last.id}:"last"`]);
      expect(await online.count("room")).toEqual({ members: 151, visits: 151 });
      // It is among those that are still to be told, and its own call knows better.
      expect(await last.leave()).toBe(false);
      expect(await story()).toContain("-last");
      expect(await online.count("room")).toEqual({ members: 0, visits: 0 });
      const told = (await story()).split(" ");
      expect(told).toHaveLength(502);
      expect(new Set(told).size).toBe(502);
    });
  });

  describe("of which each visit", () => {
    it("goes on in another process by its id", async () => {
      const online = open();
      const { id } = await online.join("room", "ada");
      const elsewhere = createPresence<Data>(await backend.connect(), { prefix: prefix(), ttl: minutes(1) });
      const visit = elsewhere.resume("room", "ada", id);
      expect(visit).toMatchObject({ id, room: "room", member: "ada" });
      expect(await visit.extend()).toEqual({ rejoined: false });
      expect(await visit.leave()).toBe(true);
      expect(await story()).toBe("+ada -ada");
      // The id alone ends nobody else's visit.
      const bob = await online.join("room", "bob");
      expect(await elsewhere.resume("room", "eve", bob.id).leave()).toBe(false);
      expect(await bob.extend()).toEqual({ rejoined: false });
    });

    it("is over once it was left, also for an extension that arrives late", async () => {
      const online = open();
      const visit = await online.join("room", "ada");
      expect(await visit.leave()).toBe(true);
      await expect(visit.extend()).rejects.toThrow("The visit to room `room` was left; join again");
      // That of another process knows it from Redis.
      await expect(online.resume("room", "ada", visit.id).extend()).rejects.toMatchObject({ code: "OPTION" });
      expect(await story()).toBe("+ada -ada");
      expect(await visit.leave()).toBe(true);
      expect(await online.resume("room", "ada", visit.id).leave()).toBe(true);
      // It is known for as long as a heartbeat may come.
      const slow = open({ ttl: hours(1) });
      const other = await slow.join("room", "ada");
      await other.leave();
      const key = keyOfRoom(prefix(), "room", `request:leave:${other.id}`);
      expect(integer(await redis.send(["PTTL", key]))).toBeGreaterThan(minutes(59));
    });

    it("is left at the end of its scope, which tells of a failure and does not throw", async () => {
      const events: unknown[] = [];
      const faulty = withFaults(redis);
      const online = open({ onEvent: (event) => events.push(event) }, faulty);
      await (async () => {
        await using visit = await online.join("room", "ada");
        expect(visit.member).toBe("ada");
      })();
      expect(await story()).toBe("+ada -ada");
      await (async () => {
        await using _ = await online.join("room", "ada");
        faulty.refuse("OOM");
      })();
      expect(events).toEqual([
        { pattern: "presence", type: "leave-failed", prefix: prefix(), id: "room", error: expect.any(Error) },
      ]);
    });

    it("never gets shorter by an extension with a shorter time, such as one that was late", async () => {
      const online = open();
      const { id } = await online.join("room", "ada");
      const score = () => redis.send(["ZSCORE", keyOfRoom(prefix(), "room", "visits"), `${id}:"ada"`]);
      const ends = await score();
      await createPresence(redis, { prefix: prefix(), ttl: 1_000 }).resume("room", "ada", id).extend();
      expect(await score()).toBe(ends);
    });
  });

  it("lists everybody who stays exactly once, page by page, whoever comes and goes meanwhile", async () => {
    const online = open();
    const staying = Array.from({ length: 20 }, (_, n) => `stays ${n}`);
    const leaving = await Promise.all(
      staying.flatMap((member, n) => [online.join("room", member), online.join("room", `goes ${n}`)]),
    );
    const listed: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof online.list>> = await online.list("room", { limit: 3, cursor });
      listed.push(...page.members.map(({ member }) => member));
      cursor = page.cursor;
      const going = leaving.filter(({ member }) => member.startsWith("goes")).slice(listed.length / 2, listed.length);
      for (const visit of going) await visit.leave();
      if (listed.length < 30) await online.join("room", `comes ${listed.length}`);
    } while (cursor !== null);
    expect(new Set(listed).size).toBe(listed.length);
    expect(listed.filter((member) => member.startsWith("stays")).toSorted()).toEqual(staying.toSorted());
    expect((await online.list("room", { limit: 1_000 })).cursor).toBeNull();
  });

  it("goes to the end of a list even if its clock was set back, and loses nobody", async () => {
    const online = open();
    await online.join("room", "ada");
    const members = keyOfRoom(prefix(), "room", "members");
    const later = (Date.now() + hours(1)) * 1_000;
    await redis.send(["ZADD", members, "XX", later, '"ada"']);
    await online.join("room", "bob");
    expect(Number(await redis.send(["ZSCORE", members, '"bob"']))).toBe(later + 1);
    const first = await online.list("room", { limit: 1 });
    expect(first.cursor).toBe(String(later));
    expect((await online.list("room", { limit: 1, cursor: first.cursor })).members[0]?.member).toBe("bob");
  });

  it("keeps members and rooms with odd names apart", async () => {
    const online = open();
    const odd = [
      "\ud800",
      "\ud801",
      "a:b",
      'a"b',
      "a\nb",
      "a\u0000b",
      "%",
      "{}",
      " ",
      "__proto__",
      "ü€😀",
      "1 1 1",
      "\u2028",
    ];
    odd.push("x".repeat(1_024));
    for (const name of odd) {
      const visit = await online.join(name, name);
      expect(visit.member).toBe(name);
      await online.join("room", name);
    }
    expect((await online.list("room")).members.map(({ member }) => member)).toEqual(odd);
    for (const name of odd) {
      expect((await online.list(name)).members).toMatchObject([{ member: name, visits: 1 }]);
      expect(await online.get("room", name)).toMatchObject({ member: name });
    }
    const told = await loggedIn(redis, prefix(), "room");
    expect(told.map(({ member }) => member)).toEqual(odd);
  });

  describe("in Redis", () => {
    it("costs one trip and one script a call, and an idle room nothing", async () => {
      const counting = withFaults(redis);
      const online = open({}, counting);
      const visit = await online.join("room", "ada");
      const again = await online.join("room", "ada");
      await online.list("room");
      await online.get("room", "ada");
      await visit.extend();
      await visit.leave();
      const tripsOf = async (work: () => Promise<unknown>) => {
        const before = counting.counts().trips;
        await work();
        return counting.counts().trips - before;
      };
      await online.count("room");
      for (const work of [
        () => online.join("room", "ada"),
        () => again.extend(),
        () => online.list("room"),
        () => online.get("room", "ada"),
        () => online.count("room"),
        () => again.leave(),
      ]) {
        expect(await tripsOf(work)).toBe(1);
      }
    });

    it("runs few commands inside each script", async () => {
      const online = open();
      const first = await online.join("room", "ada");
      await first.extend();
      await first.leave();
      await online.list("room");
      await online.get("room", "ada");
      await online.count("room");
      const log = { xadd: 1, xrange: 1, set: 1, publish: 1, get: 1, pexpire: 1 };
      let visit = first;
      const counted = async (work: () => Promise<unknown>) => {
        const { evalsha = 0, time = 0, ...commands } = await backend.count(work);
        expect(evalsha).toBe(1);
        expect(time).toBeGreaterThan(0);
        return commands;
      };
      const joined = await counted(async () => (visit = await online.join("room", "ada")));
      // A member who comes: GET and SET for the request, what is told, and the three keys.
      const come = { exists: 1, zrangebyscore: 1, zscore: 1, hget: 1, zrange: 1, zadd: 2, hset: 1, pexpire: 4 };
      expect(joined).toEqual(sum(log, come, { get: 1, set: 1 }));
      const more = { exists: 1, zrangebyscore: 1, zscore: 1, hget: 1, zadd: 1, hset: 1, pexpire: 4, get: 1, set: 1 };
      expect(await counted(() => online.join("room", "ada"))).toEqual(more);
      expect(await counted(() => visit.extend())).toEqual({ zrangebyscore: 1, zscore: 1, zadd: 1, pttl: 1 });
      expect(await counted(() => online.list("room"))).toEqual({ zrangebyscore: 2, get: 1, hmget: 1 });
      expect(await counted(() => online.get("room", "ada"))).toEqual({ zrangebyscore: 1, hget: 1 });
      expect(await counted(() => online.count("room"))).toEqual({ zrangebyscore: 1, zcard: 2 });
      const less = { zrangebyscore: 1, zscore: 1, hget: 1, zrem: 1, hset: 1, get: 1, set: 1 };
      expect(await counted(() => visit.leave())).toEqual(less);
      await end();
      const swept = { zrangebyscore: 1, zcard: 2, hget: 1, zscore: 1, zrem: 2, hdel: 1 };
      expect(await counted(() => online.count("room"))).toEqual(sum(log, swept));
    });

    it("lives as long as somebody may go on from what was seen, and not for ever", async () => {
      const online = open({ keep: { age: minutes(5) } });
      const visit = await online.join("room", "ada");
      const pttl = async (part: string) => integer(await redis.send(["PTTL", keyOfRoom(prefix(), "room", part)]));
      for (const part of ["visits", "members", "about", "last"]) {
        expect(await pttl(part), part).toBeGreaterThan(hours(24) + minutes(6));
        expect(await pttl(part), part).toBeLessThanOrEqual(hours(25) + minutes(6));
        await redis.send(["PEXPIRE", keyOfRoom(prefix(), "room", part), minutes(1)]);
      }
      expect(await pttl("log")).toBeLessThanOrEqual(minutes(5));
      await visit.extend();
      for (const part of ["visits", "members", "about", "last"]) {
        expect(await pttl(part), part).toBeGreaterThan(hours(24));
      }
      await visit.leave();
      expect(
        (await backend.keys()).filter((key) => /:(visits|members|about)$/.test(key) && key.includes(prefix())),
      ).toEqual([]);
    });

    it("knows the last transition where the last id alone was evicted", async () => {
      const online = open();
      await online.join("room", "ada");
      const { lastId } = await online.list("room");
      await redis.send(["DEL", keyOfRoom(prefix(), "room", "last")]);
      expect((await online.list("room")).lastId).toBe(lastId);
      expect(lastId).not.toBe("0-0");
    });

    it("heals if Redis has lost everything: the next heartbeat joins again", async () => {
      const online = open();
      const visit = await online.join("room", "ada", { data: { name: "Ada" } });
      for (const key of await backend.keys()) {
        if (key.includes(prefix())) await redis.send(["DEL", key]);
      }
      expect(await visit.extend()).toEqual({ rejoined: true });
      expect(await online.get("room", "ada")).toMatchObject({ visits: 1, data: { name: "Ada" } });
    });
  });
});

function sum(...parts: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const part of parts) {
    for (const [name, count] of Object.entries(part)) total[name] = (total[name] ?? 0) + count;
  }
  return total;
}
