import { afterAll, beforeAll, expect, it } from "vitest";
import { hours, minutes, seconds } from "../../src/core/time/duration.ts";
import { SessionGoneError } from "../../src/core/patterns/session/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { texts } from "../../src/core/port/reply.ts";
import {
  createSessions,
  extendSession,
  listSessions,
  revokeEverybody,
  revokeSession,
  SessionLimitError,
  type SessionOptions,
} from "../../src/core/patterns/session/index.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { expectNoStaleIndex, staleEntries } from "../fixtures/session-index.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("revocation of sessions", (backend) => {
  afterAll(() => expectNoStaleIndex(backend));
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<SessionOptions> = {}) =>
    createSessions(redis, {
      idle: minutes(30),
      absolute: hours(12),
      prefix: `${backend.prefix}:${(number += 1)}`,
      ...options,
    });
  const indexed = async () => {
    const keys = (await backend.keys()).filter(
      (key) => key.startsWith(`session:${backend.prefix}:${number}:`) && key.includes("}:l1:"),
    );
    const members = await Promise.all(keys.map((key) => redis.send(["ZRANGE", key, 0, -1])));
    return members.flatMap((reply) => texts(Array.isArray(reply) ? reply : []));
  };

  backend.it("ends 1,000 sessions of one user with one command; the next read of each is null", async () => {
    const sessions = open();
    await sessions.revokeAll("me");
    const created = [];
    for (let i = 0; i < 20; i += 1)
      created.push(...(await Promise.all(Array.from({ length: 50 }, () => sessions.create({ user: "me", data: {} })))));
    const counts = await backend.count(() => sessions.revokeAll("me"));
    expect(counts).toEqual({ evalsha: 1, time: 1, hmget: 2, hset: 1, unlink: 1 });
    // By fifty, as they came: a thousand at once would queue for longer than one call may take on a busy machine.
    for (let first = 0; first < created.length; first += 50) {
      const found = await Promise.all(created.slice(first, first + 50).map(({ token }) => sessions.read(token)));
      expect(found.filter((session) => session !== null)).toEqual([]);
    }
    expect(created).toHaveLength(1_000);
    expect(await listSessions(sessions, "me")).toEqual([]);
  });

  it("lists what is alive, the newest first, with nothing that opens a session", async () => {
    const sessions = open();
    const first = await sessions.create({ user: "me", data: {}, ip: "192.0.2.1", userAgent: "x".repeat(1_000) });
    while ((await sessions.create({ data: {} })).createdAt <= first.createdAt);
    const second = await sessions.create({ user: "me", data: {} });
    await sessions.create({ user: "you", data: {} });
    const list = await listSessions(sessions, "me");
    expect(list).toEqual([
      {
        id: second.id,
        createdAt: second.createdAt,
        seenAt: second.seenAt,
        expiresAt: second.seenAt + minutes(30),
        ip: null,
        userAgent: null,
      },
      {
        id: first.id,
        createdAt: first.createdAt,
        seenAt: first.seenAt,
        expiresAt: first.seenAt + minutes(30),
        ip: "192.0.2.1",
        userAgent: "x".repeat(512),
      },
    ]);
    expect(await sessions.read(first.id)).toBeNull();
    expect(JSON.stringify(list)).not.toContain(first.token.slice(40));
  });

  it("ends one session by its public id, and its index entry with it", async () => {
    const sessions = open();
    const [one, other] = [
      await sessions.create({ user: "me", data: {} }),
      await sessions.create({ user: "me", data: {} }),
    ];
    expect(await revokeSession(sessions, one.id)).toBe(true);
    expect(await sessions.read(one.token)).toBeNull();
    await expect(one.set({ a: 1 })).rejects.toThrow(SessionGoneError);
    expect((await listSessions(sessions, "me")).map(({ id }) => id)).toEqual([other.id]);
    expect(await indexed()).toEqual([expect.stringContaining(other.id.split(".")[1] ?? "?")]);
    expect(await revokeSession(sessions, one.id)).toBe(true);
  });

  it("ends another's session for nobody who names their own user", async () => {
    const sessions = open();
    const yours = await sessions.create({ user: "you", data: {} });
    const nobodys = await sessions.create({ data: {} });
    for (const { id, token } of [yours, nobodys]) {
      expect(await revokeSession(sessions, id, { user: "me" })).toBe(false);
      expect(await sessions.read(token)).not.toBeNull();
    }
    expect(await revokeSession(sessions, yours.id, { user: "you" })).toBe(true);
    expect(await revokeSession(sessions, nobodys.id)).toBe(true);
    for (const bad of ["", "1", "x.y", `1024.${nobodys.id.split(".")[1]}`, nobodys.token, `${nobodys.id}x`])
      expect(await revokeSession(sessions, bad)).toBe(false);
  });

  backend.it("ends everybody's sessions, and lets those who log in afterwards stay when it is run again", async () => {
    const sessions = open();
    const before = [await sessions.create({ user: "me", data: {} }), await sessions.create({ data: {} })];
    expect(await revokeEverybody(sessions, "breach")).toBe(1_024);
    for (const { token } of before) expect(await sessions.read(token)).toBeNull();
    const after = [await sessions.create({ user: "me", data: {} }), await sessions.create({ data: {} })];
    expect(await revokeEverybody(sessions, "breach")).toBe(0);
    for (const { token } of after) expect(await sessions.read(token)).not.toBeNull();
    expect(await listSessions(sessions, "me")).toHaveLength(1);
    expect(await revokeEverybody(sessions, "another")).toBe(1_024);
    for (const { token } of after) expect(await sessions.read(token)).toBeNull();
  });

  backend.it("finishes a run that was interrupted under the same name", async () => {
    const sessions = open();
    const { token } = await sessions.create({ user: "me", data: {} });
    let left = 300;
    const failing: Redis = {
      ...redis,
      send: (...call) => ((left -= 1) < 0 ? Promise.reject(new Error("cut")) : redis.send(...call)),
    };
    const broken = createSessions(failing, {
      idle: minutes(30),
      absolute: hours(12),
      prefix: `${backend.prefix}:${number}`,
    });
    await expect(revokeEverybody(broken, "breach")).rejects.toThrow("cut");
    const rest = await revokeEverybody(sessions, "breach");
    expect(rest).toBeGreaterThan(600);
    expect(rest).toBeLessThan(1_024);
    expect(await sessions.read(token)).toBeNull();
  });

  it("ends the session that was created first when the user has maxPerUser", async () => {
    const sessions = open({ maxPerUser: 2 });
    const tokens: string[] = [];
    for (let i = 0; i < 4; i += 1) tokens.push((await sessions.create({ user: "me", data: {} })).token);
    const alive = await Promise.all(tokens.map((token) => sessions.read(token)));
    expect(alive.map((session) => session !== null)).toEqual([false, false, true, true]);
    expect(await listSessions(sessions, "me")).toHaveLength(2);
    await alive[2]?.destroy();
    const fifth = await sessions.create({ user: "me", data: {} });
    expect(await sessions.read(tokens[3])).not.toBeNull();
    expect(await sessions.read(fifth.token)).not.toBeNull();
  });

  it("evicts by age and not by use", async () => {
    const sessions = open({ maxPerUser: 2, touchEvery: 0 });
    const oldest = await sessions.create({ user: "me", data: {} });
    const newer = await sessions.create({ user: "me", data: {} });
    for (let i = 0; i < 10; i += 1) await sessions.read(oldest.token);
    await sessions.create({ user: "me", data: {} });
    expect(await sessions.read(oldest.token)).toBeNull();
    expect(await sessions.read(newer.token)).not.toBeNull();
  });

  it("refuses a session beyond maxPerUser when told to, until one has ended", async () => {
    const sessions = open({ maxPerUser: 1, atLimit: "refuse" });
    const first = await sessions.create({ user: "me", data: {} });
    await expect(sessions.create({ user: "me", data: {} })).rejects.toThrow(SessionLimitError);
    await sessions.create({ user: "you", data: {} });
    await sessions.create({ data: {} });
    await first.destroy();
    await sessions.create({ user: "me", data: {} });
    await sessions.revokeAll("me");
    await sessions.create({ user: "me", data: {} });
  });

  backend.it("lets exactly maxPerUser of many parallel logins in", async () => {
    const evicting = open({ maxPerUser: 3 });
    const all = await Promise.all(Array.from({ length: 20 }, () => evicting.create({ user: "me", data: {} })));
    const alive = await Promise.all(all.map(({ token }) => evicting.read(token)));
    expect(alive.filter((session) => session !== null)).toHaveLength(3);
    const refusing = open({ maxPerUser: 3, atLimit: "refuse" });
    const tries = await Promise.allSettled(Array.from({ length: 20 }, () => refusing.create({ user: "me", data: {} })));
    expect(tries.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
  });

  it("does not count an expired session, and drops its index entry", async () => {
    const brief = open({ idle: 100, absolute: 200 });
    const { token } = await brief.create({ user: "me", data: {} });
    while ((await brief.read(token)) !== null) await sleep(5);
    const limits = { idle: minutes(30), absolute: hours(12), maxPerUser: 1, atLimit: "refuse" } as const;
    await createSessions(redis, { ...limits, prefix: `${backend.prefix}:${number}` }).create({ user: "me", data: {} });
    expect(await indexed()).toHaveLength(1);
  });

  it("keeps one live session across revokeAll at the limit", async () => {
    const sessions = open({ maxPerUser: 2 });
    const here = await sessions.create({ user: "me", data: {} });
    await sessions.create({ user: "me", data: {} });
    await sessions.revokeAll("me", { except: here });
    const second = await sessions.create({ user: "me", data: {} });
    expect(await sessions.read(here.token)).not.toBeNull();
    expect(await sessions.read(second.token)).not.toBeNull();
    await sessions.create({ user: "me", data: {} });
    expect(await sessions.read(here.token)).toBeNull();
    expect(await sessions.read(second.token)).not.toBeNull();
  });

  it("moves the absolute end of a session, and of what proves it alive", async () => {
    const sessions = open({ idle: seconds(30), absolute: seconds(60) });
    const { token, endsAt } = await sessions.create({ user: "me", data: {} });
    const later = await extendSession(sessions, token, minutes(5));
    expect(later).toBeGreaterThan(endsAt + minutes(3));
    expect((await sessions.read(token))?.endsAt).toBe(later);
    const proof = (await backend.keys()).filter(
      (key) => key.startsWith(`session:${backend.prefix}:${number}:`) && /\}:[ug]/.test(key),
    );
    expect(proof).toHaveLength(2);
    for (const key of proof) expect(Number(await redis.send(["PTTL", key]))).toBeGreaterThan(minutes(4));
    expect(await extendSession(sessions, token, 50)).not.toBeNull();
    while ((await sessions.read(token)) !== null) await sleep(5);
    expect(await extendSession(sessions, token, minutes(5))).toBeNull();
    expect(await extendSession(sessions, "junk", minutes(5))).toBeNull();
  });

  it("leaves no index entry behind, which the check at the end of each suite would find", async () => {
    const redis = await backend.connect();
    const sessions = createSessions(redis, { idle: 60_000, absolute: 60_000, prefix: `${backend.prefix}:index` });
    const { id } = await sessions.create({ user: "ada", data: {} });
    const own = async () => (await backend.keys()).filter((key) => key.includes(":index:"));
    expect(await staleEntries(redis, await own())).toEqual([]);
    const record = (await own()).find((key) => key.endsWith(`:s1:${id.split(".")[1]}`)) ?? "";
    await redis.send(["DEL", record]);
    expect(await staleEntries(redis, await own())).toHaveLength(1);
    await sessions.revokeAll("ada");
    expect(await staleEntries(redis, await own())).toEqual([]);
  });
});
