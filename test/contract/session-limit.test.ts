import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ReplyError, TimeoutError } from "../../src/core/errors.ts";
import {
  createSessions,
  listSessions,
  loginSession,
  revokeSession,
  type Session,
  type SessionOptions,
  type Sessions,
} from "../../src/core/patterns/session/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { expectNoStaleIndex } from "../fixtures/session-index.ts";
import { onEveryBackend } from "../support/backends.ts";

interface Shop {
  cart?: string;
}

onEveryBackend("a login that fails after the old session has ended", (backend) => {
  afterAll(() => expectNoStaleIndex(backend));
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<SessionOptions> = {}, port = redis) =>
    createSessions<Shop>(port, {
      idle: 60_000,
      absolute: 90_000,
      prefix: `${backend.prefix}:${number}`,
      maxPerUser: 1,
      atLimit: "refuse",
      ...options,
    });

  /** Ways in which the second step of a login fails, each with the login that runs into it. */
  const failures: readonly (readonly [string, string, (session: Session<Shop>) => Promise<unknown>])[] = [
    [
      "too many sessions",
      "SESSION_LIMIT",
      async (session) => {
        await open().create({ user: "full", data: {} });
        return loginSession(open(), session, "full");
      },
    ],
    ["too much data", "SESSION_TOO_LARGE", (session) => loginSession(open({ maxBytes: 20 }), session, "bob", large)],
    ["an answer such as OOM", "OOM", (session) => loginSession(open({}, failing()), session, "bob")],
    ["options of a wrong shape", "OPTION", (session) => loginSession(open(), session, "bob", Object({ ip: 7 }))],
    ["no limits to be remembered by", "OPTION", (session) => loginSession(open(), session, "bob", { remember: true })],
  ];
  const large = { data: { cart: "x".repeat(20) } };

  /** A port whose creation of a session is refused by Redis. */
  const failing = (during: () => Promise<unknown> = async () => undefined): Redis => {
    let calls = 0;
    return {
      ...redis,
      async send(command, options) {
        if (command[0] === "EVALSHA") calls += 1;
        if (calls !== 2) return redis.send(command, options);
        calls += 1;
        await during();
        throw new ReplyError("OOM command not allowed");
      },
    };
  };
  const warmUp = async (sessions: Sessions<Shop>) => {
    // The server knows the scripts afterwards, so that each step is one EVALSHA.
    await loginSession(open({ maxPerUser: 9 }), await sessions.create({ data: {} }), "warm").catch(() => null);
  };

  describe.each(backend.share(failures))("because of %s", (_, code, login) => {
    it.each([undefined, "ada"])("leaves the session of %s as it was: alive, listed and counted", async (user) => {
      number += 1;
      const sessions = open();
      await warmUp(sessions);
      const session = await sessions.create({ ...(user && { user }), data: { cart: "book" } });
      await expect(login(session)).rejects.toMatchObject({ code });
      expect(await sessions.read(session.token)).toMatchObject({ user: user ?? null, data: { cart: "book" } });
      expect(await listSessions(sessions, "bob")).toEqual([]);
      if (!user) return;
      expect((await listSessions(sessions, user)).map(({ id }) => id)).toEqual([session.id]);
      await expect(sessions.create({ user, data: {} })).rejects.toMatchObject({ code: "SESSION_LIMIT" });
      await sessions.revokeAll(user);
      expect(await sessions.read(session.token)).toBeNull();
      await sessions.create({ user, data: {} });
    });
  });

  it("gives the place of the session to nobody meanwhile", async () => {
    number += 1;
    const sessions = open();
    await warmUp(sessions);
    const session = await sessions.create({ user: "ada", data: {} });
    const meanwhile: unknown[] = [];
    const port = failing(async () => {
      meanwhile.push(await listSessions(sessions, "ada"));
      meanwhile.push(await sessions.create({ user: "ada", data: {} }).catch(({ code }) => code));
    });
    await expect(loginSession(open({}, port), session, "bob")).rejects.toMatchObject({ code: "OOM" });
    expect(meanwhile).toEqual([[], "SESSION_LIMIT"]);
    expect(await listSessions(sessions, "ada")).toHaveLength(1);
  });

  it.each<[string, (sessions: Sessions<Shop>, session: Session<Shop>) => Promise<unknown>]>([
    ["all sessions of the user", (sessions) => sessions.revokeAll("ada")],
    ["an evicted one", () => evict()],
  ])("does not bring back what was ended meanwhile: %s", async (_, end) => {
    number += 1;
    const sessions = open();
    await warmUp(sessions);
    const session = await sessions.create({ user: "ada", data: {} });
    const port = failing(() => end(sessions, session));
    await expect(loginSession(open({}, port), session, "bob")).rejects.toMatchObject({ code: "OOM" });
    expect(await sessions.read(session.token)).toBeNull();
  });
  const evict = () => open({ atLimit: "evict-oldest" }).create({ user: "ada", data: {} });

  it("frees the place of the user who was logged in once the login has succeeded", async () => {
    number += 1;
    const sessions = open();
    const session = await sessions.create({ user: "ada", data: {} });
    const bob = await loginSession(sessions, session, "bob");
    expect(await listSessions(sessions, "ada")).toEqual([]);
    await sessions.create({ user: "ada", data: {} });
    expect(await revokeSession(sessions, bob.id, { user: "bob" })).toBe(true);
  });

  it("keeps the token of a re-authentication whose data is too large", async () => {
    number += 1;
    const sessions = open({ maxBytes: 20 });
    const session = await sessions.create({ user: "ada", data: { cart: "book" } });
    const data = { ...Object({ "long name": "x" }), more: "0123" };
    await expect(loginSession(sessions, session, "ada", { data })).rejects.toMatchObject({ code: "SESSION_TOO_LARGE" });
    expect((await sessions.read(session.token))?.data).toEqual({ cart: "book" });
  });

  it.each<[string, (session: Session<Shop>, sessions: Sessions<Shop>) => Promise<unknown>]>([
    ["rotation", (session) => session.rotate()],
    ["re-authentication", (session, sessions) => loginSession(sessions, session, "ada")],
    ["change of user", (session, sessions) => loginSession(sessions, session, "bob")],
    ["creation", (_, sessions) => sessions.create({ user: "ada", data: {} })],
  ])("loses no session if the signer throws at a %s", async (_, work) => {
    number += 1;
    let broken = false;
    const signer = {
      sign: async (token: string) => (broken ? Promise.reject(new Error("no key")) : `${token}.s`),
      verify: async (signed: string) => ({ token: signed.replace(/\.s$/, ""), current: true }),
    };
    const sessions = open({ signer, maxPerUser: 2, grace: 0 });
    const session = await sessions.create({ user: "ada", data: { cart: "book" } });
    broken = true;
    await expect(work(session, sessions)).rejects.toThrow("no key");
    broken = false;
    expect((await sessions.read(session.token))?.data).toEqual({ cart: "book" });
    expect(await listSessions(sessions, "ada")).toHaveLength(1);
  });
});

/** How the answer to the command that begins a session is missed. `late`: it runs only after the session was given up. */
const misses = ["aborted", "lost", "late"] as const;

onEveryBackend("a session whose beginning nobody heard of", (backend) => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await backend.connect();
  });

  /** What may be going on: the session that is there before, and the call. */
  const beginnings: Readonly<
    Record<string, (sessions: Sessions<Shop>, before: Session<Shop> | null, signal: AbortSignal) => Promise<unknown>>
  > = {
    "a creation": (sessions, _, signal) => sessions.create({ user: "ada", data: {}, signal }),
    "a login": (sessions, _, signal) => loginSession(sessions, null, "ada", { signal }),
    "a login again": (sessions, before, signal) => loginSession(sessions, before, "ada", { signal }),
  };
  // A login again that runs after it was given up has a session to renew, and takes its place until `idle` is over.
  const rows = Object.keys(beginnings)
    .flatMap((name) => misses.map((miss) => [name, miss] as const))
    .filter(([name, miss]) => name !== "a login again" || miss !== "late");

  it.each(rows)("%s, %s, leaves the user's place free", async (name, miss) => {
    const prefix = `${backend.prefix}:${name}:${miss}`;
    const options = { idle: 60_000, absolute: 90_000, prefix, maxPerUser: 1, atLimit: "refuse" } as const;
    // The server knows the scripts from here on, also the one of a Cluster that has this user, so that each is one command.
    const warm = createSessions<Shop>(redis, options);
    await (await loginSession(warm, await loginSession(warm, null, "ada"), "ada")).destroy();
    const controller = new AbortController();
    let isMissed = false;
    let late = async (): Promise<unknown> => undefined;
    const missing: Redis = {
      ...redis,
      async send(command, sendOptions) {
        if (!isMissed) return redis.send(command, sendOptions);
        isMissed = false;
        if (miss === "late") late = () => redis.send(command);
        else await redis.send(command);
        if (miss === "aborted") controller.abort();
        controller.signal.throwIfAborted();
        throw new TimeoutError(1_000);
      },
    };
    const background: Promise<unknown>[] = [];
    const sessions = createSessions<Shop>(missing, { ...options, waitUntil: (work) => background.push(work) });
    const before = name === "a login again" ? await sessions.create({ user: "ada", data: {} }) : null;
    isMissed = true;
    await expect(beginnings[name]?.(sessions, before, controller.signal)).rejects.toMatchObject({
      name: miss === "aborted" ? "AbortError" : "TimeoutError",
    });
    expect(background).toHaveLength(1);
    await Promise.all(background);
    await late();
    expect((await sessions.create({ user: "ada", data: {} })).user).toBe("ada");
  });
});
