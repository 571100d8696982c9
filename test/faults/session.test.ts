import { expect, it } from "vitest";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { ConnectionError } from "../../src/core/errors.ts";
import { SessionGoneError } from "../../src/core/patterns/session/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import {
  createSessions,
  listSessions,
  loginSession,
  revokeSession,
  takeField,
  updateSession,
} from "../../src/core/patterns/session/index.ts";
import { createTokens } from "../../src/core/patterns/token/index.ts";
import { onStandaloneBackends } from "../support/backends.ts";

interface Shop {
  cart?: string[];
  theme?: string;
  n?: number;
}

onStandaloneBackends("sessions whose reply is lost", (backend) => {
  const open = (redis: Redis) =>
    createSessions<Shop>(redis, {
      idle: minutes(30),
      absolute: hours(12),
      prefix: `${backend.prefix}:s`,
      maxPerUser: 3,
    });
  /** Runs the work with its reply lost once; the server must have executed it twice. */
  const twice = async (proxy: { cutReplies(): void; readonly cuts: number }, work: () => Promise<unknown>) => {
    const before = proxy.cuts;
    proxy.cutReplies();
    const counts = await backend.count(work);
    expect(proxy.cuts).toBe(before + 1);
    expect(counts["evalsha"]).toBe(2);
  };

  it("creates one session, and counts it once", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    const first = await sessions.create({ user: "u", data: {} });
    await sessions.create({ user: "u", data: {} });
    let session = first;
    await twice(proxy, async () => {
      session = await sessions.create({ user: "u", data: { cart: ["x"] } });
    });
    expect((await sessions.read(session.token))?.data).toEqual({ cart: ["x"] });
    // A third that had been counted twice would have evicted the first.
    expect(await sessions.read(first.token)).not.toBeNull();
  });

  it("writes a patch once, so that it does not undo a later one", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    const session = await sessions.create({ user: "set", data: {} });
    await twice(proxy, () => session.set({ theme: "dark" }));
    const [key = ""] = (await backend.keys()).filter((key) => key.endsWith(session.id.slice(-16)));
    expect(await redis.send(["HGET", key, "w"])).toMatch(/^2 /);
    expect((await sessions.read(session.token))?.data).toEqual({ theme: "dark" });
  });

  it("rotates once, and the token that was given works", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    const session = await sessions.create({ user: "rotate", data: { cart: ["x"] } });
    const old = session.token;
    await twice(proxy, () => session.rotate());
    expect(session.token).not.toBe(old);
    expect((await sessions.read(session.token))?.data).toEqual({ cart: ["x"] });
  });

  it("rotates once without a grace too", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = createSessions(redis, { idle: 60_000, absolute: 60_000, prefix: `${backend.prefix}:n`, grace: 0 });
    const session = await sessions.create({ user: "rotate", data: {} });
    await twice(proxy, () => session.rotate());
    expect(await sessions.read(session.token)).not.toBeNull();
  });

  it("destroys for good", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    const session = await sessions.create({ user: "destroy", data: {} });
    const parallel = await sessions.read(session.token);
    await twice(proxy, () => session.destroy());
    expect(await sessions.read(session.token)).toBeNull();
    await expect(parallel?.set({ theme: "dark" })).rejects.toThrow(SessionGoneError);
  });

  it("revokes what there was, and keeps the one to keep", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    const [here, there] = [
      await sessions.create({ user: "r", data: {} }),
      await sessions.create({ user: "r", data: {} }),
    ];
    await twice(proxy, () => sessions.revokeAll("r", { except: here }));
    expect(await sessions.read(here.token)).not.toBeNull();
    expect(await sessions.read(there.token)).toBeNull();
  });

  it("applies an increment once", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const session = await open(redis).create({ user: "update", data: {} });
    await twice(proxy, () => updateSession(session, ({ n = 0 }) => ({ n: n + 1 })));
    expect(session.data).toEqual({ n: 1 });
    expect((await open(redis).read(session.token))?.data).toEqual({ n: 1 });
  });

  it("gives a field that is taken once to the one who took it", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const session = await open(redis).create({ user: "take", data: { theme: "flash" } });
    let taken: string | null = null;
    await twice(proxy, async () => {
      taken = await takeField(session, "theme");
    });
    expect(taken).toBe("flash");
    expect(await takeField(session, "theme")).toBeNull();
  });

  it.each([1, 2])("logs in once, with the data, when answer %i of the login is lost", async (which) => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const visitor = await open(redis).create({ data: { cart: ["x"] } });
    const user = `login${which}`;
    // A first login makes the server know the scripts, so that each half of the next is one call.
    await loginSession(open(redis), await open(redis).create({ data: {} }), `${user}:first`);
    let calls = 0;
    const losing: Redis = {
      ...redis,
      send(...call) {
        calls += 1;
        if (calls === which) proxy.cutReplies();
        return redis.send(...call);
      },
    };
    const sessions = open(losing);
    const current = await sessions.read(visitor.token);
    const before = proxy.cuts;
    calls = 0;
    const session = await loginSession(sessions, current, user);
    expect(proxy.cuts).toBe(before + 1);
    expect((await sessions.read(session.token))?.data).toEqual({ cart: ["x"] });
    expect(await sessions.read(visitor.token)).toBeNull();
    expect(await listSessions(sessions, user)).toHaveLength(1);
  });

  it("renews once for the user who logs in again", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    let session = await sessions.create({ user: "again", data: {} });
    await twice(proxy, async () => {
      session = await loginSession(sessions, session, "again");
    });
    expect(await sessions.read(session.token)).not.toBeNull();
  });

  it("ends one session by its id, and says so", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    const session = await sessions.create({ user: "id", data: {} });
    const before = proxy.cuts;
    proxy.cutReplies();
    expect(await revokeSession(sessions, session.id)).toBe(true);
    expect(proxy.cuts).toBe(before + 1);
    expect(await sessions.read(session.token)).toBeNull();
    expect(await listSessions(sessions, "id")).toEqual([]);
  });

  it("accepts a one-time token although the answer is lost, and no second time", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const tokens = createTokens(redis, { ttl: minutes(1), prefix: `${backend.prefix}:t`, attempts: 3 });
    const claim = { user: "u", purpose: "verify" };
    const { token } = await tokens.issue(claim);
    let consumed: object | null = null;
    await twice(proxy, async () => {
      consumed = await tokens.consume(token, claim);
    });
    expect(consumed).toEqual({ user: "u", data: null });
    expect(await tokens.consume(token, claim)).toBeNull();
  });

  it("counts a wrong code once, and issues one code", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const tokens = createTokens(redis, { ttl: minutes(1), prefix: `${backend.prefix}:c`, attempts: 3 });
    const claim = { user: "u", purpose: "verify" };
    let code = "";
    await twice(proxy, async () => {
      ({ code } = await tokens.issueCode(claim));
    });
    let verdict: object = {};
    await twice(proxy, async () => {
      verdict = await tokens.consumeCode({ ...claim, code: "wrong" });
    });
    expect(verdict).toEqual({ accepted: false, attemptsLeft: 2 });
    expect(await tokens.consumeCode({ ...claim, code })).toEqual({ accepted: true, data: null });
  });
});

onStandaloneBackends("sessions while Redis is away", (backend) => {
  it("reject with a ConnectionError within the deadline, and lose nobody when it is back", async () => {
    const redis = await backend.connect();
    const sessions = createSessions(redis, { idle: minutes(30), absolute: hours(12), prefix: backend.prefix });
    const session = await sessions.create({ user: "u", data: {} });
    backend.server.pause();
    try {
      const start = performance.now();
      await expect(sessions.read(session.token)).rejects.toThrow(ConnectionError);
      expect(performance.now() - start).toBeLessThan(10_000);
    } finally {
      backend.server.resume();
    }
    await expect.poll(() => sessions.read(session.token).catch(() => null), { timeout: 10_000 }).not.toBeNull();
  });
});
