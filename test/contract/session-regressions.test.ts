import { parse, stringify } from "devalue";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { OptionError } from "../../src/core/errors.ts";
import { SessionGoneError } from "../../src/core/patterns/session/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import {
  createSessionCookies,
  createSessions,
  listSessions,
  loginSession,
  revokeSession,
  type SessionOptions,
} from "../../src/core/patterns/session/index.ts";
import { gated } from "../fixtures/session-gate.ts";
import { expectNoStaleIndex } from "../fixtures/session-index.ts";
import { browser } from "../fixtures/session-jar.ts";
import { onEveryBackend } from "../support/backends.ts";

type Shop = Record<string, unknown>;

/** Commands that change something. */
const writes = ["set", "expire", "pexpire", "pexpireat", "hset", "hdel", "hincrby", "zadd", "zrem", "del", "unlink"];

// Each defect was seen in the session stores that it names, or is in their issues; here it must not be.
onEveryBackend("what goes wrong with other session stores", (backend) => {
  afterAll(() => expectNoStaleIndex(backend));
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<SessionOptions> = {}, port = redis) =>
    createSessions<Shop>(port, {
      idle: minutes(30),
      absolute: hours(12),
      prefix: `${backend.prefix}:${(number += 1)}`,
      ...options,
    });
  const own = async () =>
    (await backend.keys()).filter((key) => key.startsWith(`session:${backend.prefix}:${number}:`));
  const written = (counts: Record<string, number>) => writes.reduce((sum, name) => sum + (counts[name] ?? 0), 0);

  it("S1, express-session #361, #606, connect-redis: of two overlapping requests one loses what it wrote", async () => {
    const sessions = open();
    const { token } = await sessions.create({ user: "ada", data: { user: "ada" } });
    const [first, second] = [await sessions.read(token), await sessions.read(token)];
    await first?.set({ cart: ["book"] });
    await second?.set({ theme: "dark" });
    expect((await sessions.read(token))?.data).toEqual({ user: "ada", cart: ["book"], theme: "dark" });
  });

  it("S2, CVE-2025-46336 in rack-session, also connect-redis #288, @fastify/session, hono-sessions: a slow request logs in again who has logged out", async () => {
    const prefix = `${backend.prefix}:resurrection`;
    const sessions = open({ prefix });
    const gate = gated(redis);
    const { token } = await sessions.create({ user: "alice", data: {} });
    const slow = await open({ prefix }, gate.redis).read(token);
    const write = await gate.hold(async () => slow?.set({ cart: ["x"] }));
    await (await sessions.read(token))?.destroy();
    await expect(write.finish()).rejects.toThrow(SessionGoneError);
    expect(await sessions.read(token)).toBeNull();
  });

  it("S3, express-session #309, #360, #526: a redirect is followed before the session is saved", async () => {
    const sessions = open();
    const cookies = createSessionCookies(sessions);
    const visitor = browser();
    const visit = await cookies.open(visitor.jar());
    await visit.set({ order: 7 });
    // The response may leave now, and its reader asks another server.
    const elsewhere = createSessionCookies(open({ prefix: `${backend.prefix}:${number}` }, await backend.connect()));
    expect((await elsewhere.open(visitor.jar())).data).toEqual({ order: 7 });
  });

  it("S4, express-session #891, #727, #113, @fastify/session, hono-sessions: each request writes to the store", async () => {
    const sessions = open();
    const { token } = await sessions.create({ user: "ada", data: { cart: [] } });
    await sessions.read(token);
    const counts = await backend.count(async () => {
      for (let i = 0; i < 10; i += 1) await sessions.read(token);
    });
    expect(counts["evalsha"]).toBe(10);
    expect(written(counts)).toBe(0);
  });

  it("S5, connect-redis #288, iron-session #530: nobody can log out everywhere, or see where they are logged in", async () => {
    const sessions = open();
    const phone = await sessions.create({ user: "ada", data: {}, userAgent: "Phone" });
    const laptop = await sessions.create({ user: "ada", data: {}, userAgent: "Laptop" });
    const list = await listSessions(sessions, "ada");
    expect(new Set(list.map(({ userAgent }) => userAgent))).toEqual(new Set(["Phone", "Laptop"]));
    await sessions.revokeAll("ada", { except: laptop });
    expect(await sessions.read(phone.token)).toBeNull();
    expect((await listSessions(sessions, "ada")).map(({ id }) => id)).toEqual([laptop.id]);
  });

  describe("S6", () => {
    it("better-auth #11022, #11073: sessions of parallel logins miss from the index, and survive a revocation of all", async () => {
      const sessions = open();
      const logins = Array.from({ length: 20 }, () => sessions.create({ user: "ada", data: {} }));
      const created = await Promise.all(logins);
      expect(await listSessions(sessions, "ada")).toHaveLength(20);
      await sessions.revokeAll("ada");
      const found = await Promise.all(created.map(({ token }) => sessions.read(token)));
      expect(found.filter((session) => session !== null)).toEqual([]);
    });

    it("better-auth #3819, spring-session #3287, #2614, #1987, lucia: the index of a user grows for ever", async () => {
      const sessions = open();
      for (let i = 0; i < 5; i += 1) await (await sessions.create({ user: "ada", data: {} })).destroy();
      const last = await sessions.create({ user: "ada", data: {} });
      const [index = ""] = (await own()).filter((key) => key.includes("}:l1:"));
      expect(await redis.send(["ZCARD", index])).toBe(1);
      expect(integer(await redis.send(["PTTL", index]))).toBeGreaterThan(0);
      await last.destroy();
      expect(await redis.send(["EXISTS", index])).toBe(0);
    });
  });

  describe("S7", () => {
    it("express-session #425, #923: a new id loses the data, and the parallel requests that have the old one", async () => {
      const sessions = open();
      const session = await sessions.create({ user: "ada", data: { cart: ["book"] } });
      const old = session.token;
      const parallel = await sessions.read(old);
      const fresh = await session.rotate();
      await parallel?.set({ theme: "dark" });
      expect((await sessions.read(old))?.user).toBe("ada");
      expect((await sessions.read(fresh))?.data).toEqual({ cart: ["book"], theme: "dark" });
    });

    it("express-session #935, spring-session #1791: a new id saves the session twice, and stays in the index under the old one", async () => {
      const sessions = open();
      const session = await sessions.create({ user: "ada", data: {} });
      await session.rotate();
      await session.rotate();
      expect((await own()).filter((key) => key.includes("}:s1:"))).toHaveLength(1);
      expect((await listSessions(sessions, "ada")).map(({ id }) => id)).toEqual([session.id]);
    });
  });

  describe("S8", () => {
    it("connect-redis #251, #376: a write resets how long the session lives", async () => {
      const sessions = open();
      const session = await sessions.create({ user: "ada", data: {} });
      const [record = ""] = (await own()).filter((key) => key.includes("}:s1:"));
      await redis.send(["PEXPIRE", record, 60_000]);
      await session.set({ theme: "dark" });
      expect(integer(await redis.send(["PTTL", record]))).toBeLessThanOrEqual(60_000);
    });

    it("connect-redis #239, #313, better-auth #10992: less than a second is rounded to none, and lives for ever", async () => {
      const session = await open({ idle: 900, absolute: 900 }).create({ user: "ada", data: {} });
      const ttls = await Promise.all((await own()).map(async (key) => integer(await redis.send(["PTTL", key]))));
      expect(ttls.filter((ttl) => ttl === -1 || ttl > 900)).toEqual([]);
      expect(session.endsAt - session.createdAt).toBe(900);
      for (const idle of [0, 0.5]) expect(() => open({ idle })).toThrow(OptionError);
    });
  });

  it("S9, connect-redis #433, @fastify/session #346: another client stores [object Object]", async () => {
    const sessions = open();
    const { token } = await sessions.create({ user: "ada", data: { deep: { list: [{ a: 1 }] } } });
    expect((await sessions.read(token))?.data).toEqual({ deep: { list: [{ a: 1 }] } });
  });

  it("S10, iron-session #101, #375, #530: the cookie grows with the data, and nothing can end it", async () => {
    const sessions = open();
    const cookies = createSessionCookies(sessions);
    const visitor = browser();
    await (await cookies.open(visitor.jar())).login("ada", { data: { large: "x".repeat(60_000) } });
    const [[, text] = ["", ""]] = visitor.headers;
    expect(text.length).toBeLessThan(200);
    await sessions.revokeAll("ada");
    expect((await cookies.open(visitor.jar())).user).toBeNull();
  });

  describe("S11", () => {
    it("@fastify/session, hono-sessions: a robot without a cookie gets a session for each request", async () => {
      const cookies = createSessionCookies(open());
      const robot = browser();
      const counts = await backend.count(async () => {
        for (let i = 0; i < 10; i += 1) expect((await cookies.open(robot.jar())).data).toEqual({});
      });
      expect(counts).toEqual({});
      expect(robot.headers).toEqual([]);
    });

    it("@fastify/session #253: the first values, set at once, begin several sessions", async () => {
      const visitor = browser();
      const visit = await createSessionCookies(open()).open(visitor.jar());
      await Promise.all([visit.set({ a: 1 }), visit.set({ b: 2 }), visit.set({ c: 3 })]);
      expect((await own()).filter((key) => key.includes("}:s1:"))).toHaveLength(1);
      expect(visitor.headers).toHaveLength(1);
      expect(visit.data).toEqual({ a: 1, b: 2, c: 3 });
    });
  });

  it("S12, iron-session 9, connect-redis #348: dates, maps and sets become something else", async () => {
    const data = {
      at: new Date(5),
      seen: new Set(["a"]),
      by: new Map([["k", 1n]]),
      none: undefined,
      odd: [Number.NaN],
    };
    await expect(open().create({ data })).rejects.toThrow(OptionError);
    // The codec of another package, as it comes.
    const sessions = open({ codec: { name: "devalue", encode: stringify, decode: parse } });
    const session = await sessions.create({ data });
    const { none: _, ...kept } = data;
    expect((await sessions.read(session.token))?.data).toEqual(kept);
    await session.set({ at: new Date(7) });
    expect((await sessions.read(session.token))?.data["at"]).toEqual(new Date(7));
  });

  it("S13, iron-session #684, #709, #887: what a middleware saves on the edge is lost", async () => {
    const cookies = createSessionCookies(open());
    const visitor = browser();
    const visit = await cookies.open(visitor.jar());
    await visit.set({ step: 1 });
    // The cookie is on the response, and the value in Redis, before `set` resolves: nothing is left to be done afterwards.
    expect(visitor.headers.map(([name]) => name)).toEqual(["Set-Cookie"]);
    expect((await cookies.open(visitor.jar())).data).toEqual({ step: 1 });
  });

  it("S14, @upstash/redis #49, #699: texts that look like numbers, null or JSON become those", async () => {
    const data = {
      zip: "007",
      big: "12345678901234567890",
      exp: "1e3",
      nil: "null",
      yes: "true",
      json: '{"a":1}',
      "10": "x",
    };
    const sessions = open();
    const { token } = await sessions.create({ user: "1e3", data, ip: "10", userAgent: "null" });
    expect(await sessions.read(token)).toMatchObject({ user: "1e3", ip: "10", userAgent: "null" });
    expect((await sessions.read(token))?.data).toEqual(data);
    expect(await listSessions(sessions, "1e3")).toMatchObject([{ ip: "10", userAgent: "null" }]);
  });

  it("S15, connect-redis #346, #347: what was taken out of an object is merged back in", async () => {
    const sessions = open();
    const { token } = await sessions.create({ data: { filter: { color: "red", size: 7 }, list: [1, 2, 3] } });
    const [first, second] = [await sessions.read(token), await sessions.read(token)];
    await first?.set({ filter: { color: "red" }, list: [1] });
    await second?.set({ other: true });
    expect((await sessions.read(token))?.data).toEqual({ filter: { color: "red" }, list: [1], other: true });
  });

  it("hono-sessions: a logout sets the cookie again instead of removing it", async () => {
    const cookies = createSessionCookies(open());
    const visitor = browser();
    await (await cookies.open(visitor.jar())).login("ada");
    await (await cookies.open(visitor.jar())).logout();
    expect(visitor.kept.size).toBe(0);
  });

  it("connect-redis: a prefix with the signs of a pattern finds no session, or those of others", async () => {
    const odd = open({ prefix: `${backend.prefix}:[1]*?` });
    const { id } = await odd.create({ user: "ada", data: {} });
    const other = await open({ prefix: `${backend.prefix}:1x` }).create({ user: "ada", data: {} });
    expect((await listSessions(odd, "ada")).map((info) => info.id)).toEqual([id]);
    await odd.revokeAll("ada");
    expect(await listSessions(odd, "ada")).toEqual([]);
    await other.set({ alive: true });
  });

  it("Rails, rack CVE-2019-16782, better-auth: who reads the keys or the values of Redis has a session", async () => {
    const sessions = open();
    const { token } = await sessions.create({ user: "ada", data: {} });
    const keys = await own();
    const records = await Promise.all(
      keys.filter((key) => /\}:[sug]1/.test(key)).map((key) => redis.send(["HGETALL", key])),
    );
    const seen = JSON.stringify([keys, records]);
    expect(seen).not.toContain(token.slice(40));
    for (const stolen of seen.match(/[\w-]{40,}/g) ?? []) expect(await sessions.read(stolen)).toBeNull();
  });

  it("fixation: who plants a token before the login is logged in with it", async () => {
    const sessions = open();
    const planted = await sessions.create({ data: { cart: [] } });
    const victim = await loginSession(sessions, await sessions.read(planted.token), "ada");
    expect(victim.token).not.toBe(planted.token);
    expect(victim.id).not.toBe(planted.id);
    expect(await sessions.read(planted.token)).toBeNull();
    expect(await revokeSession(sessions, planted.id, { user: "ada" })).toBe(false);
    expect(await sessions.read(victim.token)).not.toBeNull();
  });
});
