import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OptionError, ReplyError } from "../../src/core/errors.ts";
import { SessionGoneError } from "../../src/core/patterns/session/errors.ts";
import { hours, minutes, seconds } from "../../src/core/time/duration.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer, text } from "../../src/core/port/reply.ts";
import {
  createSessions,
  extendSession,
  type SessionOptions,
  type Sessions,
} from "../../src/core/patterns/session/index.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { ageRecord, endGrace } from "../fixtures/session-age.ts";
import { expectNoStaleIndex } from "../fixtures/session-index.ts";
import { onEveryBackend } from "../support/backends.ts";

interface Shop {
  cart?: string[];
  theme?: string;
}

onEveryBackend("sessions", (backend) => {
  afterAll(() => expectNoStaleIndex(backend));
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const limits = { idle: minutes(30), absolute: hours(12) };
  const open = (options: Partial<SessionOptions> = {}): Sessions<Shop> =>
    createSessions<Shop>(redis, { ...limits, prefix: `${backend.prefix}:${(number += 1)}`, ...options });
  /** The server that holds the key. */
  const ask = async (...command: [string, string, ...(string | number)[]]) => redis.send(command);
  const keyEndingWith = async (ending: string) => {
    const key = (await backend.keys()).find((key) => key.endsWith(ending));
    if (!key) throw new Error(`no key ends with ${ending}`);
    return key;
  };
  const recordOf = ({ id }: { readonly id: string }) => keyEndingWith(`:s1:${id.split(".")[1]}`);
  /** Moves a session's record so far into the past, by the server's own clock. */
  const age = async (session: { readonly id: string }, ms: number) => {
    await ageRecord(redis, await recordOf(session), ms);
  };

  it("creates, reads, writes and ends a session", async () => {
    const sessions = open();
    const session = await sessions.create({ user: "u1", data: { cart: [] } });
    const found = await sessions.read(session.token);
    expect(found).toMatchObject({ user: "u1", data: { cart: [] }, id: session.id, token: session.token });
    await found?.set({ cart: ["book"], theme: "dark" });
    expect(found?.data).toEqual({ cart: ["book"], theme: "dark" });
    expect((await sessions.read(session.token))?.data).toEqual({ cart: ["book"], theme: "dark" });
    await found?.destroy();
    expect(await sessions.read(session.token)).toBeNull();
  });

  it("stores neither the token nor its secret part", async () => {
    const session = await open({ prefix: `${backend.prefix}:secret` }).create({ user: "ada@example.org", data: {} });
    const keys = (await backend.keys()).filter((key) => key.includes(":secret:"));
    expect(keys.length).toBe(4);
    const values = await ask("HGETALL", await recordOf(session));
    const stored = JSON.stringify([keys, values]);
    expect(stored).not.toContain(session.token.slice(-43));
    expect(keys.join(" ")).not.toContain("ada@example.org");
    expect(session.token).toHaveLength(83);
    expect(session.id).not.toContain(session.token.slice(-43));
  });

  it("gives every key a TTL that ends with the session", async () => {
    const session = await open({ idle: seconds(40), absolute: seconds(300), prefix: `${backend.prefix}:ttl` }).create({
      user: "u",
      data: {},
    });
    const ttls: Record<string, number> = {};
    for (const key of await backend.keys()) {
      if (!key.includes(":ttl:")) continue;
      const [, part = ""] = /\}:(\w)/.exec(key) ?? [];
      ttls[part] = integer(await ask("PTTL", key));
    }
    expect(Object.keys(ttls).sort()).toEqual(["g", "l", "s", "u"]);
    for (const part of ["s", "l"]) expect(ttls[part]).toBeGreaterThan(20_000);
    for (const part of ["s", "l"]) expect(ttls[part]).toBeLessThanOrEqual(40_000);
    for (const part of ["g", "u"]) expect(ttls[part]).toBeGreaterThan(200_000);
    for (const part of ["g", "u"]) expect(ttls[part]).toBeLessThanOrEqual(300_000);
    expect(session.endsAt - session.createdAt).toBe(300_000);
  });

  it("reads in one call and writes nothing until touchEvery has passed", async () => {
    const sessions = open();
    const session = await sessions.create({ user: "u1", data: { cart: ["a"] } });
    await sessions.read(session.token);
    const counts = await backend.count(async () => {
      for (let i = 0; i < 10; i += 1) await sessions.read(session.token);
    });
    expect(counts).toEqual({ evalsha: 10, time: 10, hgetall: 10, hget: 10, hmget: 10 });
  });

  it("writes one touch in ten reads once touchEvery has passed", async () => {
    const sessions = open();
    const session = await sessions.create({ user: "u1", data: {} });
    await sessions.read(session.token);
    await age(session, minutes(2));
    const counts = await backend.count(async () => {
      for (let i = 0; i < 10; i += 1) await sessions.read(session.token);
    });
    expect(counts["evalsha"]).toBe(10);
    expect(counts).toMatchObject({ hset: 1, zadd: 1 });
    expect(integer(await ask("PTTL", await recordOf(session)))).toBeGreaterThan(minutes(29));
  });

  it("ends an idle session", async () => {
    const start = performance.now();
    // No read of it counts as a use.
    const sessions = open({ idle: 300, absolute: 60_000, touchEvery: 60_000 });
    const { token } = await sessions.create({ data: {} });
    while ((await sessions.read(token)) !== null) await sleep(5);
    expect(performance.now() - start).toBeGreaterThan(290);
  });

  it("gives a session that is used its whole idle time again", async () => {
    const sessions = open({ idle: seconds(20), absolute: seconds(60), touchEvery: 0 });
    const session = await sessions.create({ data: {} });
    await ask("PEXPIRE", await recordOf(session), 10_000);
    await sessions.read(session.token);
    expect(integer(await ask("PTTL", await recordOf(session)))).toBeGreaterThan(15_000);
  });

  it("ends a session that is used all the time when its absolute limit comes", async () => {
    const start = performance.now();
    const sessions = open({ idle: 500, absolute: 500, touchEvery: 0 });
    const { token } = await sessions.create({ user: "u", data: {} });
    while ((await sessions.read(token)) !== null) await sleep(5);
    expect(performance.now() - start).toBeGreaterThan(490);
  });

  it("lets no use push the end of a session beyond its absolute limit", async () => {
    const sessions = open({ idle: seconds(20), absolute: seconds(60), touchEvery: 0 });
    const session = await sessions.create({ user: "u", data: {} });
    await extendSession(sessions, session.token, seconds(5));
    for (let i = 0; i < 3; i += 1) expect(await sessions.read(session.token)).not.toBeNull();
    expect(integer(await ask("PTTL", await recordOf(session)))).toBeLessThanOrEqual(5_000);
  });

  it("creates nothing by a write to a session that has ended", async () => {
    const sessions = open();
    const session = await sessions.create({ user: "u1", data: { cart: [] } });
    const other = await sessions.read(session.token);
    await session.destroy();
    const before = await ask("HGETALL", await recordOf(session));
    await expect(other?.set({ theme: "dark" })).rejects.toThrow(SessionGoneError);
    await expect(other?.rotate()).rejects.toThrow(SessionGoneError);
    await other?.destroy();
    expect(await ask("HGETALL", await recordOf(session))).toEqual(before);
    expect(await sessions.read(session.token)).toBeNull();
  });

  it("keeps both of two fields that are written at the same time", async () => {
    const sessions = open();
    const { token } = await sessions.create({ data: {} });
    const [a, b] = await Promise.all([sessions.read(token), sessions.read(token)]);
    await Promise.all([a?.set({ cart: ["x"] }), b?.set({ theme: "dark" })]);
    expect((await sessions.read(token))?.data).toEqual({ cart: ["x"], theme: "dark" });
  });

  it("deletes a field that is set to undefined", async () => {
    const sessions = open();
    const session = await sessions.create({ data: { cart: ["x"], theme: "dark" } });
    await session.set({ theme: undefined });
    expect(session.data).toEqual({ cart: ["x"] });
    expect((await sessions.read(session.token))?.data).toEqual({ cart: ["x"] });
  });

  it("keeps everything but the token when it rotates, and the old token for the grace only", async () => {
    const sessions = open();
    const session = await sessions.create({ user: "u1", data: { cart: ["x"] } });
    const old = session.token;
    const fresh = await session.rotate();
    expect(fresh).toBe(session.token);
    expect(fresh).not.toBe(old);
    const late = await sessions.read(old);
    expect(late?.data).toEqual({ cart: ["x"] });
    await late?.set({ theme: "dark" });
    expect(await sessions.read(fresh)).toMatchObject({
      user: "u1",
      data: { cart: ["x"], theme: "dark" },
      id: session.id,
    });
    await endGrace(redis, await recordOf(session));
    expect(await sessions.read(old)).toBeNull();
    await expect(late?.set({ theme: "light" })).rejects.toThrow(SessionGoneError);
    expect((await sessions.read(fresh))?.data.theme).toBe("dark");
  });

  it("rotates once when parallel requests rotate the same session", async () => {
    const sessions = open();
    const { token } = await sessions.create({ user: "u1", data: {} });
    const held = await Promise.all([1, 2, 3, 4].map(() => sessions.read(token)));
    const tokens = await Promise.all(held.map((session) => session?.rotate()));
    const fresh = tokens.filter((other) => other !== token);
    expect(fresh).toHaveLength(1);
    expect(await sessions.read(fresh[0])).not.toBeNull();
  });

  it("leaves no old token behind when the grace is 0", async () => {
    const sessions = open({ grace: 0 });
    const session = await sessions.create({ user: "u1", data: {} });
    const old = session.token;
    await session.rotate();
    expect(await sessions.read(old)).toBeNull();
    expect(await sessions.read(session.token)).not.toBeNull();
  });

  describe("revokeAll", () => {
    it("ends all sessions of a user and nobody else's, with one command", async () => {
      const sessions = open();
      const create = (user?: string) => sessions.create({ user, data: {} });
      const [mine, yours, nobodys] = [[await create("me"), await create("me")], await create("you"), await create()];
      await sessions.revokeAll("me");
      for (const { token } of mine) expect(await sessions.read(token)).toBeNull();
      for (const { token } of [yours, nobodys]) expect(await sessions.read(token)).not.toBeNull();
      const counts = await backend.count(() => sessions.revokeAll("me"));
      expect(counts["evalsha"]).toBe(1);
      const after = await create("me");
      expect(await sessions.read(after.token)).not.toBeNull();
      await expect(mine[0]?.set({ theme: "dark" })).rejects.toThrow(SessionGoneError);
    });

    it("keeps the session of the one who asks", async () => {
      const sessions = open();
      const [here, there] = [
        await sessions.create({ user: "me", data: {} }),
        await sessions.create({ user: "me", data: {} }),
      ];
      await sessions.revokeAll("me", { except: here });
      expect(await sessions.read(here.token)).not.toBeNull();
      expect(await sessions.read(there.token)).toBeNull();
      await here.set({ theme: "dark" });
      await expect(sessions.revokeAll("you", { except: here })).rejects.toThrow(OptionError);
      await expect(sessions.revokeAll("me", { except: there })).rejects.toThrow(SessionGoneError);
      expect(await sessions.read(here.token)).toBeNull();
    });

    it("treats sessions whose epoch was lost as ended", async () => {
      const sessions = open({ prefix: `${backend.prefix}:lost` });
      const session = await sessions.create({ user: "me", data: {} });
      const epoch = (await backend.keys()).find((key) => key.includes(":lost:") && key.includes(":u1:")) ?? "";
      await ask("DEL", epoch);
      expect(await sessions.read(session.token)).toBeNull();
      const next = await sessions.create({ user: "me", data: {} });
      expect(await sessions.read(next.token)).not.toBeNull();
      expect(await sessions.read(session.token)).toBeNull();
    });
  });

  it("takes user ids of any text and keeps them apart", async () => {
    const sessions = open();
    const users = ["a:b", "a", "{x}", "x", "*", "ü", "u".repeat(10_000), "%7Bx%7D", "\u0000", "💥", "\uFFFD"];
    const created = await Promise.all(users.map((user) => sessions.create({ user, data: {} })));
    for (const [i, session] of created.entries()) {
      expect((await sessions.read(session.token))?.user).toBe(users[i]);
      await sessions.revokeAll(users[i] ?? "");
      expect(await sessions.read(session.token)).toBeNull();
      for (const other of created.slice(i + 1)) expect(await sessions.read(other.token)).not.toBeNull();
    }
  });

  it("turns away without a round trip what cannot be a token", async () => {
    const sessions = open();
    const { token } = await sessions.create({ data: {} });
    const junk = ["", "x", `${token}x`, token.slice(1), `${token.slice(1)}*`, "a".repeat(1_000_000), null, undefined];
    const counts = await backend.count(async () => {
      for (const bad of junk) expect(await sessions.read(bad)).toBeNull();
    });
    expect(counts).toEqual({});
  });

  it("does not accept a token with any part exchanged", async () => {
    const sessions = open();
    const [mine, yours] = [
      (await sessions.create({ user: "me", data: {} })).token,
      (await sessions.create({ user: "you", data: {} })).token,
    ];
    const forged = [
      yours.slice(0, 24) + mine.slice(24),
      mine.slice(0, 24) + yours.slice(24),
      mine.slice(0, 40) + yours.slice(40),
      mine.slice(0, 2) + yours.slice(2, 24) + mine.slice(24),
    ];
    for (const token of forged) expect(await sessions.read(token)).toBeNull();
  });

  it("survives the loss of the script cache between calls", async () => {
    const sessions = open();
    const flush = () => Promise.all(backend.servers.map((server) => server.send(["SCRIPT", "FLUSH"])));
    await flush();
    const session = await sessions.create({ user: "u1", data: {} });
    for (const act of [
      () => sessions.read(session.token),
      () => session.set({ theme: "dark" }),
      () => session.rotate(),
      () => sessions.revokeAll("u1", { except: session }),
    ]) {
      await flush();
      await act();
    }
    expect((await sessions.read(session.token))?.data).toEqual({ theme: "dark" });
    await flush();
    await session.destroy();
    expect(await sessions.read(session.token)).toBeNull();
  });

  backend.itHasOwnClock("does not ask the caller's clock", async () => {
    const now = Date.now;
    try {
      for (const skew of [-minutes(1), minutes(1)]) {
        Date.now = () => now.call(Date) + skew;
        const sessions = open({ idle: seconds(20), absolute: seconds(40), touchEvery: 0 });
        const session = await sessions.create({ user: "u", data: {} });
        Date.now = () => now.call(Date) - skew;
        expect(await sessions.read(session.token)).not.toBeNull();
        await session.set({ theme: "dark" });
        await sessions.revokeAll("u");
        expect(await sessions.read(session.token)).toBeNull();
      }
    } finally {
      Date.now = now;
    }
  });

  it("rejects with the reason of the signal", async () => {
    const sessions = open();
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const session = await sessions.create({ user: "u", data: {} });
    await expect(sessions.read(session.token, { signal })).rejects.toBe(reason);
    await expect(session.set({ theme: "dark" }, { signal })).rejects.toBe(reason);
    expect((await sessions.read(session.token))?.data).toEqual({});
  });

  it("refuses data over the limit and stores none of it", async () => {
    const sessions = open({ maxBytes: 40 });
    await expect(sessions.create({ data: { theme: "x".repeat(50) } })).rejects.toMatchObject({
      code: "SESSION_TOO_LARGE",
    });
    const session = await sessions.create({ data: { theme: "x".repeat(20) } });
    await expect(session.set({ cart: ["12345678"] })).rejects.toMatchObject({ code: "SESSION_TOO_LARGE" });
    await expect(session.set({ theme: "ü".repeat(19) })).rejects.toMatchObject({ code: "SESSION_TOO_LARGE" });
    await session.set({ theme: undefined, cart: ["12345678"] });
    expect((await sessions.read(session.token))?.data).toEqual({ cart: ["12345678"] });
  });

  it("names the option that can never work, and sends nothing", async () => {
    const refuse = (options: Partial<SessionOptions>) => expect(() => open(options)).toThrow(OptionError);
    const counts = await backend.count(async () => {
      for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        refuse({ idle: bad });
        refuse({ absolute: bad });
        refuse({ maxPerUser: bad });
        refuse({ maxBytes: bad });
      }
      refuse({ idle: hours(2), absolute: hours(1) });
      refuse({ prefix: "" });
      refuse({ prefix: "{a}" });
      refuse({ touchEvery: -1 });
      refuse({ grace: Number.NaN });
      const sessions = open();
      for (const user of ["", "u".repeat(10_241), "\ud800"]) {
        await expect(sessions.create({ user, data: {} })).rejects.toThrow(OptionError);
        await expect(sessions.revokeAll(user)).rejects.toThrow(OptionError);
      }
      await expect(sessions.create({ data: {}, remember: true })).rejects.toThrow(OptionError);
    });
    expect(counts).toEqual({});
    expect(() => createSessions(Object.create(null), { prefix: "p", ...limits })).toThrow(OptionError);
  });

  it("stores a foreign key's type error as what it is", async () => {
    const sessions = open();
    const session = await sessions.create({ data: {} });
    const key = await recordOf(session);
    await ask("DEL", key);
    await ask("SET", key, "not a hash", "PX", 60_000);
    await expect(sessions.read(session.token)).rejects.toThrow(ReplyError);
    expect(text(await ask("GET", key))).toBe("not a hash");
  });
});
