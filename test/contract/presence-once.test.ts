import { beforeAll, describe, expect, it } from "vitest";
import { createPresence, type Presence, type PresenceVisit } from "../../src/core/patterns/presence/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { endVisits, loggedIn, storyOf } from "../fixtures/presence-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

/** What the calls are made to: a room with one visit of ada. */
interface Place {
  readonly online: Presence<string>;
  readonly visit: PresenceVisit;
  readonly prefix: string;
}

/** Each call that changes something: its answer, and the story of the room after it. */
const changes: Readonly<
  Record<string, readonly [change: (place: Place) => Promise<unknown>, answer: unknown, story: string]>
> = {
  join: [async ({ online }) => (await online.join("room", "bob", { requestId: "r" })).member, "bob", "+ada +bob"],
  "join of a second tab": [
    async ({ online }) => (await online.join("room", "ada", { requestId: "r", data: "d" })).member,
    "ada",
    "+ada",
  ],
  extend: [({ visit }) => visit.extend(), { rejoined: false }, "+ada"],
  leave: [({ visit }) => visit.leave(), true, "+ada -ada"],
  list: [async ({ online }) => (await online.list("room")).members.length, 1, "+ada"],
  get: [async ({ online }) => (await online.get("room", "ada"))?.visits, 1, "+ada"],
  count: [({ online }) => online.count("room"), { members: 1, visits: 1 }, "+ada"],
};

onEveryBackend("what is told of a room", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = async (port: Redis = redis): Promise<Place> => {
    const prefix = `${backend.prefix}:${(number += 1)}`;
    const online = createPresence<string>(port, { prefix, ttl: minutes(1) });
    return { online, visit: await online.join("room", "ada"), prefix };
  };
  const storyIn = ({ prefix }: Place) => storyOf(redis, prefix, "room");

  describe.each(Object.entries(changes))("by %s", (_, [change, answer, story]) => {
    it("is told once, and answered the same, where the network repeats the call or its reply was lost", async () => {
      const faulty = withFaults(redis);
      const place = await open(faulty);
      faulty.runTwice();
      expect(await change(place)).toEqual(answer);
      expect(await storyIn(place)).toBe(story);
      const other = await open(faulty);
      faulty.loseReply();
      await expect(change(other)).rejects.toMatchObject({ code: "CONNECTION" });
      expect(await change(other)).toEqual(answer);
      expect(await storyIn(other)).toBe(story);
    });

    it("with a visit that ends, is told once where the call is repeated", async () => {
      const faulty = withFaults(redis);
      const place = await open(faulty);
      const crashed = await place.online.join("room", "eve");
      await endVisits(redis, place.prefix, "room", crashed.id);
      faulty.runTwice();
      await change(place);
      expect((await storyIn(place)).split(" ").filter((told) => told === "-eve")).toEqual(["-eve"]);
    });
  });

  it("is told once where a visit that ended joins again, and the reply to that was lost", async () => {
    for (const lost of [0, 1]) {
      const faulty = withFaults(redis);
      const place = await open(faulty);
      await endVisits(redis, place.prefix, "room");
      if (lost === 1) faulty.delayReply(0);
      faulty.loseReply();
      await expect(place.visit.extend()).rejects.toMatchObject({ code: "CONNECTION" });
      await place.visit.extend();
      expect(await storyIn(place)).toBe("+ada -ada +ada");
      expect(await place.online.count("room")).toEqual({ members: 1, visits: 1 });
    }
  });

  it("gives the same visit to calls with one request id, and another to each member and each request", async () => {
    const place = await open();
    const { online } = place;
    const again = await Promise.all([1, 2, 3].map(() => online.join("room", "bob", { requestId: "r" })));
    expect(new Set(again.map(({ id }) => id)).size).toBe(1);
    const eve = await online.join("room", "eve", { requestId: "r" });
    const other = await online.join("room", "bob", { requestId: "s" });
    expect(new Set([eve.id, other.id, again[0]?.id]).size).toBe(3);
    expect(await online.count("room")).toEqual({ members: 3, visits: 4 });
    expect(await again[0]?.leave()).toBe(true);
    // The visit of this request is over, and a repetition does not bring it back.
    const repeated = await online.join("room", "bob", { requestId: "r" });
    expect(repeated.id).toBe(again[0]?.id);
    await expect(repeated.extend()).rejects.toMatchObject({ code: "OPTION" });
    expect(await storyIn(place)).toBe("+ada +bob +eve");
  });

  it("is once a transition where a hundred connections of one member come and go at once", async () => {
    const ports = [redis, await backend.connect(), await backend.connect()];
    const place = await open();
    await place.visit.leave();
    const tabs = Array.from({ length: 100 }, async (_, n) => {
      const online = createPresence(ports[n % 3] ?? redis, { prefix: place.prefix, ttl: minutes(1) });
      const visit = await online.join("room", "bob");
      if (n % 4 === 0) await visit.extend();
      await visit.leave();
    });
    await Promise.all(tabs);
    expect(await place.online.count("room")).toEqual({ members: 0, visits: 0 });
    const told = (await storyIn(place)).split(" ").slice(2);
    expect(told.length).toBeGreaterThan(1);
    // One after the other: never twice the same.
    expect(told.every((one, i) => one === (i % 2 === 0 ? "+bob" : "-bob"))).toBe(true);
    expect(told.length % 2).toBe(0);
  });

  it("is once that a hundred members crashed, whoever looks at the same moment", async () => {
    const place = await open();
    await Promise.all(Array.from({ length: 99 }, (_, n) => place.online.join("room", `m${n}`)));
    await endVisits(redis, place.prefix, "room");
    await Promise.all(Array.from({ length: 20 }, () => place.online.count("room")));
    const told = (await storyIn(place)).split(" ");
    expect(told.filter((one) => one.startsWith("-"))).toHaveLength(100);
    expect(new Set(told).size).toBe(200);
  });

  it("is nothing of an extension or a join that arrives after its visit was left", async () => {
    const faulty = withFaults(redis);
    const place = await open(faulty);
    await endVisits(redis, place.prefix, "room");
    // The extension has found that the visit has ended, and joins again while somebody leaves.
    const held = faulty.holdReply();
    const extending = place.visit.extend();
    await held.reached;
    await place.online.resume("room", "ada", place.visit.id).leave();
    await held.arrive();
    await expect(extending).rejects.toThrow("was left; join again");
    expect(await storyIn(place)).toBe("+ada -ada");
    expect(await place.online.count("room")).toEqual({ members: 0, visits: 0 });
  });

  it("is nothing where a call was refused: it is done as a whole or not at all", async () => {
    for (const part of ["log", "last", "about", "members", "visits"]) {
      const place = await open();
      const key = `presence:${place.prefix}:{room}:${part}`;
      const counted = await place.online.count("room");
      await redis.send(["RENAME", key, `${key}:kept`]);
      await redis.send(["LPUSH", key, "foreign"]);
      await redis.send(["PEXPIRE", key, 60_000]);
      await expect(place.online.join("room", "bob"), part).rejects.toMatchObject({ code: "WRONGTYPE" });
      await expect(place.visit.leave(), part).rejects.toMatchObject({ code: "WRONGTYPE" });
      await redis.send(["DEL", key]);
      await redis.send(["RENAME", `${key}:kept`, key]);
      expect(await place.online.count("room"), part).toEqual(counted);
      expect(await loggedIn(redis, place.prefix, "room"), part).toHaveLength(1);
      expect(await place.visit.leave()).toBe(true);
    }
  });
});
