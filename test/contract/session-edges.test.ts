import { beforeAll, expect, it } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import {
  createSessionCookies,
  createSessions,
  extendSession,
  hmacSigner,
  listSessions,
  loginSession,
  revokeEverybody,
  revokeSession,
  type Session,
  type SessionOptions,
  type Sessions,
  takeField,
  updateSession,
} from "../../src/core/patterns/session/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer, text } from "../../src/core/port/reply.ts";
import { days } from "../../src/core/time/duration.ts";
import { ageRecord } from "../fixtures/session-age.ts";
import { browser } from "../fixtures/session-jar.ts";
import { onEveryBackend } from "../support/backends.ts";
import { measureScripts } from "../support/script-work.ts";

onEveryBackend("the edges of sessions", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<SessionOptions> = {}) =>
    createSessions(redis, { idle: 60_000, absolute: 90_000, prefix: `${backend.prefix}:e${number}`, ...options });
  const keyOf = async (part: string) =>
    (await backend.keys()).find(
      (key) => key.startsWith(`session:${backend.prefix}:e${number}:`) && key.includes(part),
    ) ?? "";

  type Call = (
    sessions: Sessions<Record<string, unknown>>,
    session: Session<Record<string, unknown>>,
    given: never,
  ) => Promise<unknown>;
  const calls: Readonly<Record<string, Call>> = {
    create: (sessions, _, given) => sessions.create(given),
    read: (sessions, { token }, given) => sessions.read(token, given),
    revokeAll: (sessions, _, given) => sessions.revokeAll("ada", given),
    set: (_, session, given) => session.set({ n: 1 }, given),
    rotate: (_, session, given) => session.rotate(given),
    destroy: (_, session, given) => session.destroy(given),
    login: (sessions, session, given) => loginSession(sessions, session, "ada", given),
    "login of nobody": (sessions, _, given) => loginSession(sessions, null, "ada", given),
    list: (sessions, _, given) => listSessions(sessions, "ada", given),
    revoke: (sessions, { id }, given) => revokeSession(sessions, id, given),
    revokeEverybody: (sessions, _, given) => revokeEverybody(sessions, "breach", given),
    extend: (sessions, { token }, given) => extendSession(sessions, token, 1_000, given),
    take: (_, session, given) => takeField(session, "n", given),
    update: (_, session, given) => updateSession(session, () => ({}), given),
    open: (sessions, _, given) => createSessionCookies(sessions).open(browser().jar(), given),
  };

  it.each(Object.entries(calls))("%s refuses a number, text or null where its options belong", async (_, call) => {
    number += 1;
    const sessions = open();
    const session = await sessions.create({ user: "ada", data: { n: 1 } });
    const counts = await backend.count(async () => {
      for (const given of [1_000, null, "x", true]) {
        // The caller may not be TypeScript.
        const wrong = given as never;
        await expect((async () => call(sessions, session, wrong))()).rejects.toThrow(OptionError);
      }
    });
    expect(counts).toEqual({});
  });

  it.each<[string, unknown]>([
    ["idle", null],
    ["idle", "1"],
    ["absolute", null],
    ["remember", null],
    ["remember", 1],
    ["touchEvery", null],
    ["grace", null],
    ["maxPerUser", null],
    ["atLimit", null],
    ["maxBytes", null],
    ["codec", null],
    ["signer", null],
    ["signer", { verify: () => null }],
    ["onEvent", null],
    ["prefix", null],
  ])("the option %s may not be %j", (name, value) => {
    expect(() => open(Object({ [name]: value }))).toThrow(OptionError);
  });

  it("keeps a thousand fields, takes them along at a login, and refuses one more", async () => {
    number += 1;
    const sessions = open();
    const fields = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`f${i}`, i]));
    const visitor = await sessions.create({ data: fields });
    const session = await loginSession(sessions, visitor, "ada");
    expect((await sessions.read(session.token))?.data).toEqual(fields);
    await session.set({ f1: "other", f2: undefined, g: 1 });
    const more = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`more${i}`, i]));
    await expect(session.set(more)).rejects.toThrow(/at most 1000 fields/);
    await expect(updateSession(session, () => more)).rejects.toThrow(/at most 1000 fields/);
    await expect(loginSession(sessions, session, "ada", { data: more })).rejects.toThrow(/at most 1000 fields/);
    expect(Object.keys((await sessions.read(session.token))?.data ?? {})).toHaveLength(1_000);
  });

  it("ends thousands of sessions at once, where a user has more than are allowed now, by few commands", async () => {
    number += 1;
    await open().create({ user: "ada", data: {} });
    const index = await keyOf("l1:");
    const soon = Date.now() + 60_000;
    for (let first = 2; first < 1_500; first += 500) {
      const members = Array.from({ length: 500 }, (_, i) => [
        soon,
        `${first + i}:${String(first + i).padStart(16, "x")}`,
      ]);
      await redis.send(["ZADD", index, ...members.flat()]);
    }
    const measured = measureScripts(redis);
    const limits = { idle: 60_000, absolute: 90_000, prefix: `${backend.prefix}:e${number}`, maxPerUser: 2 };
    await createSessions(measured.redis, limits).create({ user: "ada", data: {} });
    expect(await redis.send(["ZCARD", index])).toBe(2);
    expect(Math.max(...measured.runs.map(({ commands }) => commands))).toBeLessThan(30);
    expect(Math.max(...measured.runs.map(({ rounds }) => rounds))).toBeLessThan(2 * 1_502 + 20);
  });

  it("counts an extension as a use, and lets the session live no longer than its idle limit or its end", async () => {
    number += 1;
    const sessions = open();
    const session = await sessions.create({ user: "ada", data: {} });
    const record = await keyOf(":s1:");
    await ageRecord(redis, record, 30_000);
    await extendSession(sessions, session.token, 80_000);
    const [info] = await listSessions(sessions, "ada");
    expect(info?.seenAt).toBeGreaterThanOrEqual(session.seenAt);
    expect(integer(await redis.send(["PTTL", record]))).toBeLessThanOrEqual(60_000);
    await extendSession(sessions, session.token, 10_000);
    expect(integer(await redis.send(["PTTL", record]))).toBeLessThanOrEqual(10_000);
  });

  it.each<[string, string, (sessions: Sessions<Record<string, unknown>>) => Promise<unknown>]>([
    ["a user's", ":u1:", (sessions) => sessions.revokeAll("ada")],
    ["everybody's", ":g1", (sessions) => revokeEverybody(sessions, "breach")],
  ])("never sets %s epoch back, even if the server's clock was", async (_, part, revoke) => {
    number += 1;
    const sessions = open();
    await sessions.create({ user: "ada", data: {} });
    const key = await keyOf(part);
    const ahead = Number(text(await redis.send(["HGET", key, "e"]))) + 1e12;
    await redis.send(["HSET", key, "e", ahead]);
    const { token } = await sessions.create({ user: "ada", data: {} });
    await revoke(sessions);
    expect(await sessions.read(token)).toBeNull();
    expect(Number(text(await redis.send(["HGET", key, "e"])))).toBeGreaterThan(ahead);
  });

  it("keeps sessions for longer than a timer can run, and their cookies for 400 days at most", async () => {
    number += 1;
    const limits = { idle: days(3_000), absolute: days(4_000) };
    const sessions = open({ ...limits, remember: limits });
    const visitor = browser();
    const visit = await createSessionCookies(sessions).open(visitor.jar());
    const session = await visit.login("ada", { remember: true });
    expect(visitor.headers.toString()).toContain("; Max-Age=34560000;");
    expect(session.endsAt - session.createdAt).toBe(days(4_000));
    expect(await sessions.read(session.token)).not.toBeNull();
  });

  it("keeps the limits that a session began with, whatever another store of its prefix says", async () => {
    number += 1;
    const wide = open({ idle: 60_000, absolute: 90_000 });
    const narrow = open({ idle: 1_000, absolute: 2_000, maxPerUser: 1, touchEvery: 0 });
    const session = await wide.create({ user: "ada", data: {} });
    const found = await narrow.read(session.token);
    expect(found?.endsAt).toBe(session.endsAt);
    expect(integer(await redis.send(["PTTL", await keyOf(":s1:")]))).toBeGreaterThan(2_000);
    // The next login of the user counts the sessions of both, by its own limit.
    await narrow.create({ user: "ada", data: {} });
    expect(await wide.read(session.token)).toBeNull();
    expect(await listSessions(wide, "ada")).toHaveLength(1);
  });

  it("is found under the secret that signed it as long as that is listed", async () => {
    number += 1;
    const [old, fresh] = ["o".repeat(32), "n".repeat(32)];
    const { token } = await open({ signer: hmacSigner([old]) }).create({ data: {} });
    expect(await open({ signer: hmacSigner([fresh, old]) }).read(token)).not.toBeNull();
    expect(await open({ signer: hmacSigner([fresh]) }).read(token)).toBeNull();
  });
});
