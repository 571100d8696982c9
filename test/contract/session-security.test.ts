import { afterAll, beforeAll, expect, it } from "vitest";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { OptionError } from "../../src/core/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import {
  createCsrf,
  createSessionCookies,
  createSessions,
  hmacSigner,
  listSessions,
  loginSession,
  revokeSession,
  type SessionOptions,
  takeField,
  updateSession,
} from "../../src/core/patterns/session/index.ts";
import { createTokens } from "../../src/core/patterns/token/index.ts";
import { expectNoStaleIndex } from "../fixtures/session-index.ts";
import { browser } from "../fixtures/session-jar.ts";
import { onEveryBackend } from "../support/backends.ts";

type Bag = Record<string, unknown>;

onEveryBackend("what an attacker gets from sessions", (backend) => {
  afterAll(() => expectNoStaleIndex(backend));
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const secret = "s".repeat(32);
  const open = (options: Partial<SessionOptions> = {}, port = redis) =>
    createSessions<Bag>(port, {
      idle: minutes(30),
      absolute: hours(12),
      prefix: `${backend.prefix}:${(number += 1)}`,
      ...options,
    });
  /** What a log line, a JSON answer or a spread of it would show. */
  const shown = (value: object) => JSON.stringify([value, { ...value }, Object.entries(value)]);

  it("no token in what a session or a visit shows of itself", async () => {
    const sessions = open({ signer: hmacSigner([secret]) });
    const session = await sessions.create({ user: "ada", data: { pin: "1234" } });
    expect(shown(session)).not.toContain(session.token.slice(40, 83));
    const visitor = browser();
    const visit = await createSessionCookies(sessions).open(visitor.jar());
    const entered = await visit.login("ada");
    expect(shown(visit)).not.toContain(entered.token.slice(40, 83));
    expect(shown(await listSessions(sessions, "ada"))).not.toContain(entered.token.slice(40, 83));
  });

  it("neither token, user nor value in a message", async () => {
    const sessions = open({ maxBytes: 60, maxPerUser: 1, atLimit: "refuse" });
    const session = await sessions.create({ user: "ada@example.org", data: { pin: "hunter2" } });
    const stale = await sessions.read(session.token);
    const failures = [
      () => session.set({ pin: "hunter2".repeat(20) }),
      () => session.set({ pin: Symbol("hunter2") }),
      () => sessions.create({ user: "ada@example.org", data: {} }),
      () => updateSession(session, () => ({ pin: new Date(0) })),
      () => session.destroy().then(() => stale?.set({ pin: "hunter2" })),
      () => sessions.create({ user: `ada@example.org${"x".repeat(20_000)}`, data: {} }),
    ];
    for (const failure of failures) {
      const error: unknown = await failure().then(
        () => null,
        (error: unknown) => error,
      );
      expect(error).toBeInstanceOf(Error);
      expect(String(error)).not.toMatch(/hunter2|ada@/);
      expect(String(error)).not.toContain(session.token.slice(40));
    }
  });

  it("no prototype that is not theirs, by whatever name of a field", async () => {
    const sessions = open();
    const evil: Bag = JSON.parse(
      '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"toString":"x"}',
    );
    const visitor = await sessions.create({ data: evil });
    await visitor.set(JSON.parse('{"__proto__":{"admin":2}}'));
    const session = await loginSession(sessions, visitor, "ada", { data: JSON.parse('{"hasOwnProperty":1}') });
    await updateSession(session, () => JSON.parse('{"__proto__":{"admin":3}}'));
    for (const held of [session, await sessions.read(session.token)]) {
      expect(Object.getPrototypeOf(held?.data)).toBe(Object.prototype);
      expect(held?.data["admin"]).toBeUndefined();
      expect(Object.entries(held?.data ?? {})).toContainEqual(["__proto__", { admin: 3 }]);
    }
    expect(await takeField(session, "__proto__")).toEqual({ admin: 3 });
    expect(Object.keys(session.data).sort()).toEqual(["constructor", "hasOwnProperty", "toString"]);
    expect({}).not.toHaveProperty("admin");
  });

  it("no session under a token of their own making", async () => {
    const sessions = open();
    const cookies = createSessionCookies(sessions);
    const visitor = browser();
    const planted = `${"A".repeat(24)}${"B".repeat(16)}${"C".repeat(43)}`;
    visitor.kept.set("__Host-session", planted);
    const visit = await cookies.open(visitor.jar());
    expect(visit.session).toBeNull();
    await visit.set({ cart: 1 });
    expect(visitor.kept.get("__Host-session")).not.toBe(planted);
    expect(await sessions.read(planted)).toBeNull();
  });

  it("no header by a text of theirs", async () => {
    const sessions = open();
    const visitor = browser();
    const visit = await createSessionCookies(sessions).open(visitor.jar());
    const evil = "x\r\nSet-Cookie: admin=1; Domain=evil";
    await visit.login(evil, { data: { [evil]: evil }, ip: evil, userAgent: evil });
    await visit.rotate();
    expect(visitor.headers.map(([, value]) => value).join()).not.toMatch(/[\r\n]|admin|evil/);
    expect(await listSessions(sessions, evil)).toMatchObject([{ ip: evil, userAgent: evil }]);
    expect((await sessions.read(visit.session?.token))?.data).toEqual({ [evil]: evil });
  });

  it("no form token of another session, and none of before the login", async () => {
    const sessions = open();
    const csrf = createCsrf([secret]);
    const [mine, yours] = [await sessions.create({ data: {} }), await sessions.create({ data: {} })];
    const token = await csrf.token(mine);
    expect(await csrf.verify(mine, token)).toBe(true);
    await mine.rotate();
    expect(await csrf.verify(mine, token)).toBe(true);
    expect(await csrf.verify(yours, token)).toBe(false);
    expect(await csrf.verify(await loginSession(sessions, mine, "ada"), token)).toBe(false);
  });

  it("no one-time token or session by the secret of the other", async () => {
    const sessions = open();
    const tokens = createTokens(redis, { ttl: minutes(5), prefix: `${backend.prefix}:${number}` });
    const { token } = await tokens.issue({ user: "ada", purpose: "login" });
    const session = await sessions.create({ user: "ada", data: {} });
    expect(await sessions.read(token)).toBeNull();
    expect(await tokens.consume(session.token, { purpose: "login" })).toBeNull();
    expect(await tokens.consume(token, { purpose: "login" })).toMatchObject({ user: "ada" });
  });

  it("no administrator's rights, and no false peace, by a user who is nobody by mistake", async () => {
    const sessions = open();
    const session = await sessions.create({ user: "ada", data: {} });
    const nobody: { user: string } = JSON.parse("{}");
    const options = { user: nobody.user };
    const counts = await backend.count(async () => {
      await expect(revokeSession(sessions, session.id, options)).rejects.toThrow(OptionError);
      await expect(sessions.revokeAll(nobody.user)).rejects.toThrow(OptionError);
      await expect(listSessions(sessions, nobody.user)).rejects.toThrow(OptionError);
      await expect(loginSession(sessions, session, nobody.user)).rejects.toThrow(OptionError);
    });
    expect(counts).toEqual({});
    expect(await sessions.read(session.token)).not.toBeNull();
  });

  it("no token in the message where one is given instead of its session", async () => {
    const sessions = open();
    const { token } = await sessions.create({ user: "ada", data: {} });
    const given: object = JSON.parse(JSON.stringify({ token })).token;
    const error: unknown = await sessions.revokeAll("ada", { except: given }).catch((error: unknown) => error);
    expect(error).toBeInstanceOf(OptionError);
    expect(String(error)).not.toContain(token.slice(0, 30));
    expect(await sessions.read(token)).not.toBeNull();
  });

  it("nothing by an id of another shape", async () => {
    const sessions = open();
    const { id, token } = await sessions.create({ user: "ada", data: {} });
    const counts = await backend.count(async () => {
      for (const bad of [
        "",
        "*",
        `${id}*`,
        `{x}.${id}`,
        `9999.${id.split(".")[1]}`,
        `${id}\n`,
        token,
        "0x1.AAAAAAAAAAAAAAAA",
      ])
        expect(await revokeSession(sessions, bad)).toBe(false);
    });
    expect(counts).toEqual({});
    expect(await sessions.read(token)).not.toBeNull();
  });
});
