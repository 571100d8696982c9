import { afterAll, beforeAll, expect, it } from "vitest";
import { days, hours, minutes, seconds } from "../../src/core/time/duration.ts";
import { OptionError } from "../../src/core/errors.ts";
import { SessionGoneError } from "../../src/core/patterns/session/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import {
  createSessions,
  hmacSigner,
  listSessions,
  loginSession,
  ReauthenticationError,
  requireFresh,
  SessionLimitError,
  type SessionOptions,
} from "../../src/core/patterns/session/index.ts";
import { ageRecord } from "../fixtures/session-age.ts";
import { expectNoStaleIndex } from "../fixtures/session-index.ts";
import { onEveryBackend } from "../support/backends.ts";

interface Shop {
  cart?: string[];
  theme?: string;
}

onEveryBackend("logins", (backend) => {
  afterAll(() => expectNoStaleIndex(backend));
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<SessionOptions> = {}) =>
    createSessions<Shop>(redis, {
      idle: minutes(30),
      absolute: hours(12),
      remember: { idle: days(7), absolute: days(30) },
      prefix: `${backend.prefix}:${(number += 1)}`,
      ...options,
    });
  const recordOf = async ({ id }: { readonly id: string }) =>
    (await backend.keys()).find((key) => key.endsWith(`:s1:${id.split(".")[1]}`)) ?? "";
  /** Moves what the session remembers of time into the past, by the server's own clock. */
  const age = async (session: { readonly id: string }, ms: number) => {
    await ageRecord(redis, await recordOf(session), ms);
  };

  it("takes an anonymous visitor's data along, under a token that shares nothing with the old one", async () => {
    const sessions = open();
    const visitor = await sessions.create({ data: { cart: ["book"], theme: "dark" } });
    const session = await loginSession(sessions, visitor, "me", { data: { theme: "light" }, ip: "192.0.2.1" });
    expect(session).toMatchObject({ user: "me", data: { cart: ["book"], theme: "light" }, ip: "192.0.2.1" });
    expect(session.token.slice(0, 40)).not.toBe(visitor.token.slice(0, 40));
    expect(await sessions.read(visitor.token)).toBeNull();
    await expect(visitor.set({ theme: "x" })).rejects.toThrow(SessionGoneError);
    await expect(visitor.rotate()).rejects.toThrow(SessionGoneError);
    expect((await sessions.read(session.token))?.data.cart).toEqual(["book"]);
  });

  it("starts a session for a visitor who has none", async () => {
    const sessions = open();
    const session = await loginSession(sessions, null, "me", { data: { theme: "dark" } });
    expect(await sessions.read(session.token)).toMatchObject({ user: "me", data: { theme: "dark" } });
  });

  it("hands nothing of one user to another, and ends the first one's session", async () => {
    const sessions = open();
    const mine = await loginSession(sessions, null, "me", { data: { cart: ["secret"] } });
    const yours = await loginSession(sessions, mine, "you");
    expect(yours.data).toEqual({});
    expect(await sessions.read(mine.token)).toBeNull();
    expect(await listSessions(sessions, "me")).toEqual([]);
  });

  it("renews the same user's session: new token, no grace, fresh again, a new absolute end", async () => {
    const sessions = open();
    const prefix = `${backend.prefix}:${number}`;
    const session = await open({ prefix, absolute: hours(11) }).create({ user: "me", data: { cart: ["x"] } });
    await age(session, hours(2));
    const stale = await sessions.read(session.token);
    expect(() => requireFresh(stale ?? {}, hours(1))).toThrow(ReauthenticationError);
    requireFresh(stale ?? {}, hours(3));
    const again = await loginSession(sessions, stale, "me", { data: { theme: "dark" } });
    requireFresh(again, minutes(1));
    expect(again).toMatchObject({ id: session.id, data: { cart: ["x"], theme: "dark" } });
    // By the limits of today, which are an hour longer.
    expect(again.endsAt).toBeGreaterThan(session.endsAt + minutes(50));
    expect(await sessions.read(session.token)).toBeNull();
    expect(await sessions.read(again.token)).not.toBeNull();
    expect(await listSessions(sessions, "me")).toHaveLength(1);
  });

  it("never calls an anonymous session fresh", async () => {
    const session = await open().create({ data: {} });
    expect(() => requireFresh(session, hours(1))).toThrow(ReauthenticationError);
    expect(() => requireFresh(session, 0)).toThrow(OptionError);
    expect(() => requireFresh({}, 1)).toThrow(OptionError);
  });

  it("does not make a rotated session fresh", async () => {
    const sessions = open();
    const session = await sessions.create({ user: "me", data: {} });
    await age(session, hours(2));
    await session.rotate();
    const found = await sessions.read(session.token);
    expect(() => requireFresh(found ?? {}, hours(1))).toThrow(ReauthenticationError);
  });

  it("lets one of two logins from the same anonymous session in, and leaves one session", async () => {
    const sessions = open();
    const { token } = await sessions.create({ data: { cart: ["x"] } });
    const held = await Promise.all([sessions.read(token), sessions.read(token)]);
    const tries = await Promise.allSettled(held.map((session) => loginSession(sessions, session, "me")));
    expect(tries.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await listSessions(sessions, "me")).toHaveLength(1);
  });

  it("leaves a visitor who may not log in as they were", async () => {
    const sessions = open({ maxPerUser: 1, atLimit: "refuse" });
    await sessions.create({ user: "me", data: {} });
    const visitor = await sessions.create({ data: { cart: ["book"] } });
    await expect(loginSession(sessions, visitor, "me")).rejects.toThrow(SessionLimitError);
    expect((await sessions.read(visitor.token))?.data).toEqual({ cart: ["book"] });
    await visitor.set({ theme: "dark" });
    expect(Number(await redis.send(["PTTL", await recordOf(visitor)]))).toBeGreaterThan(minutes(29));
  });

  it("never leaves two sessions when the answer to the second half is lost", async () => {
    const sessions = open();
    const visitor = await sessions.create({ data: { cart: ["book"] } });
    let calls = 0;
    const dying: Redis = {
      ...redis,
      async send(command, options) {
        const reply = await redis.send(command, options);
        calls += 1;
        if (calls === 2) throw new Error("the process died here");
        return reply;
      },
    };
    const prefix = `${backend.prefix}:${number}`;
    const there = createSessions<Shop>(dying, { idle: minutes(30), absolute: hours(12), prefix });
    await expect(loginSession(there, await there.read(visitor.token), "me")).rejects.toThrow("died");
    expect(await sessions.read(visitor.token)).toBeNull();
    expect(await listSessions(sessions, "me")).toEqual([]);
  });

  it("remembers for longer, and through a renewal", async () => {
    const sessions = open();
    const session = await sessions.create({ user: "me", data: {}, remember: true });
    expect(session.endsAt - session.createdAt).toBe(days(30));
    expect(Number(await redis.send(["PTTL", await recordOf(session)]))).toBeGreaterThan(days(7) - seconds(10));
    const again = await loginSession(sessions, session, "me");
    expect(again.endsAt - again.authenticatedAt).toBe(days(30));
    const short = await loginSession(sessions, again, "me", { remember: false });
    expect(short.endsAt - short.authenticatedAt).toBe(hours(12));
  });

  it("turns unsigned and wrongly signed tokens away without a round trip, and accepts every secret in turn", async () => {
    const [old, fresh, foreign] = ["o", "n", "f"].map((letter) => letter.repeat(32));
    const prefix = `${backend.prefix}:signed`;
    const signing = (...secrets: (string | undefined)[]) =>
      open({ prefix, signer: hmacSigner(secrets.filter((secret) => secret !== undefined)) });
    const session = await signing(old).create({ user: "me", data: {} });
    const both = signing(fresh, old);
    const resigned = await both.read(session.token);
    expect(resigned).not.toBeNull();
    expect(resigned?.token).not.toBe(session.token);
    expect(await signing(fresh).read(resigned?.token)).not.toBeNull();
    const [token = ""] = session.token.split(".");
    const forged = (token.startsWith("A") ? "B" : "A") + session.token.slice(1);
    const counts = await backend.count(async () => {
      expect(await signing(fresh).read(session.token)).toBeNull();
      expect(await signing(foreign).read(session.token)).toBeNull();
      for (const bad of [token, `${token}.`, `${session.token}.x`, `${session.token}x`, forged])
        expect(await both.read(bad)).toBeNull();
    });
    expect(counts).toEqual({});
    const rotated = await resigned?.rotate();
    expect(await signing(fresh).read(rotated)).not.toBeNull();
    expect(() => hmacSigner([])).toThrow(OptionError);
    expect(() => hmacSigner(["short"])).toThrow(OptionError);
  });

  it("tells of what happens by public ids and never by a token", async () => {
    const events: object[] = [];
    const sessions = open({ onEvent: (event) => events.push(event) });
    const session = await sessions.create({ user: "ada", data: {} });
    await session.rotate();
    const other = await sessions.read(session.token);
    await session.destroy();
    await expect(other?.set({ theme: "x" })).rejects.toThrow(SessionGoneError);
    await sessions.revokeAll("ada");
    expect(events).toMatchObject([
      { pattern: "session", type: "created", id: session.id },
      { type: "rotated", id: session.id },
      { type: "destroyed", id: session.id },
      { type: "gone", id: session.id },
      { type: "revoked", id: undefined },
    ]);
    expect(JSON.stringify(events)).not.toContain(session.token.slice(40));
    expect(JSON.stringify(events)).not.toContain("ada");
  });
});
