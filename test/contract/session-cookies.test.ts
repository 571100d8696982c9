import { afterAll, beforeAll, expect, it } from "vitest";
import { days, hours, minutes } from "../../src/core/time/duration.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import {
  createSessionCookies,
  createSessions,
  hmacSigner,
  type SessionCookiesOptions,
  type SessionOptions,
  type Visit,
} from "../../src/core/patterns/session/index.ts";
import { browser } from "../fixtures/session-jar.ts";
import { ageRecord } from "../fixtures/session-age.ts";
import { expectNoStaleIndex } from "../fixtures/session-index.ts";
import { onEveryBackend } from "../support/backends.ts";

interface Shop {
  cart?: string[];
  theme?: string;
}

onEveryBackend("session cookies", (backend) => {
  afterAll(() => expectNoStaleIndex(backend));
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: SessionCookiesOptions = {}, settings: Partial<SessionOptions> = {}) => {
    const limits = { idle: minutes(30), absolute: hours(12), remember: { idle: days(30), absolute: days(90) } };
    const sessions = createSessions<Shop>(redis, {
      ...limits,
      prefix: `${backend.prefix}:${(number += 1)}`,
      ...settings,
    });
    return { sessions, cookies: createSessionCookies(sessions, options) };
  };
  const own = async () =>
    (await backend.keys()).filter((key) => key.startsWith(`session:${backend.prefix}:${number}:`));

  it("costs a visitor without a cookie nothing, and writes nothing until there is data", async () => {
    const { cookies } = open();
    const visitor = browser();
    const counts = await backend.count(async () => {
      for (let i = 0; i < 10; i += 1) {
        const visit = await cookies.open(visitor.jar());
        expect([visit.user, visit.session, visit.data]).toEqual([null, null, {}]);
        await visit.set({});
        await visit.set({ theme: undefined });
        await visit.rotate();
      }
    });
    expect(counts).toEqual({});
    expect(visitor.headers).toEqual([]);
    expect(await own()).toEqual([]);
  });

  it("begins one anonymous session, however many values are set at once", async () => {
    const { cookies } = open();
    const visitor = browser();
    const visit = await cookies.open(visitor.jar());
    await Promise.all([visit.set({ cart: ["x"] }), visit.set({ theme: "light" }), visit.set({})]);
    expect(visitor.headers).toHaveLength(1);
    expect((await own()).filter((key) => key.includes(":s1:"))).toHaveLength(1);
    expect((await cookies.open(visitor.jar())).data).toEqual({ cart: ["x"], theme: "light" });
    expect(visitor.headers).toEqual([]);
  });

  it("logs in, carries the cart along, and logs out for good", async () => {
    const { cookies } = open();
    const visitor = browser();
    await (await cookies.open(visitor.jar())).set({ cart: ["x"] });
    const [anonymous = ""] = visitor.kept.values();
    await (await cookies.open(visitor.jar())).login("ada");
    const [token = ""] = visitor.kept.values();
    expect(token).not.toBe(anonymous);
    const visit = await cookies.open(visitor.jar());
    expect([visit.user, visit.data]).toEqual(["ada", { cart: ["x"] }]);
    await visit.logout();
    expect([visit.user, visit.data, visit.session]).toEqual([null, {}, null]);
    expect(visitor.kept.size).toBe(0);
    expect(visitor.headers).toEqual([
      ["Set-Cookie", "__Host-session=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Lax"],
      ["Clear-Site-Data", '"cache", "cookies", "storage"'],
    ]);
    visitor.kept.set("__Host-session", token);
    expect((await cookies.open(visitor.jar())).user).toBeNull();
  });

  it("removes the cookie even if Redis cannot be reached at logout", async () => {
    const { sessions } = open();
    const visitor = browser();
    const down: Redis = { ...redis, send: () => Promise.reject(new Error("down")) };
    let port = redis;
    const limits = { idle: minutes(30), absolute: hours(12), prefix: `${backend.prefix}:${number}` };
    const cookies = createSessionCookies(
      createSessions<Shop>({ ...redis, send: (...call) => port.send(...call) }, limits),
    );
    visitor.kept.set("__Host-session", (await sessions.create({ user: "ada", data: {} })).token);
    const visit = await cookies.open(visitor.jar());
    port = down;
    await expect(visit.logout()).rejects.toThrow("down");
    expect(visitor.kept.size).toBe(0);
  });

  it("remembers across the end of the browser only who asked for it", async () => {
    const { cookies } = open();
    const visitor = browser();
    await (await cookies.open(visitor.jar())).login("ada");
    expect(visitor.headers.toString()).not.toContain("Max-Age");
    await (await cookies.open(visitor.jar())).login("ada", { remember: true });
    expect(visitor.headers.toString()).toContain(`Max-Age=${(90 * 24 * 3_600).toString()};`);
    await (await cookies.open(visitor.jar())).rotate();
    expect(visitor.headers.toString()).toMatch(/Max-Age=77\d{5};/);
  });

  it("renews a token that has become too old, once among parallel requests, and loses none of them", async () => {
    const { cookies } = open({ renewEvery: minutes(5) });
    const visitor = browser();
    await (await cookies.open(visitor.jar())).login("ada");
    const [old] = visitor.kept.values();
    const [record = ""] = (await own()).filter((key) => key.includes(":s1:"));
    await ageRecord(redis, record, minutes(6), ["rotated"]);
    const jars = [visitor.jar(), visitor.jar(), visitor.jar()];
    const visits = await Promise.all(jars.map((jar) => cookies.open(jar)));
    expect(visits.map(({ user }) => user)).toEqual(["ada", "ada", "ada"]);
    const [fresh] = visitor.kept.values();
    expect(fresh).not.toBe(old);
    expect((await cookies.open(visitor.jar())).user).toBe("ada");
    expect(visitor.headers).toEqual([]);
  });

  it("leaves the cookie of a slow request alone whose token was rotated away", async () => {
    const { cookies, sessions } = open({}, { grace: 0 });
    const visitor = browser();
    await (await cookies.open(visitor.jar())).login("ada");
    const slow = visitor.jar();
    const [old = ""] = visitor.kept.values();
    await (await cookies.open(visitor.jar())).rotate();
    const late = await cookies.open({ ...slow, read: () => `__Host-session=${old}` });
    expect(late.user).toBeNull();
    expect(await sessions.read([...visitor.kept.values()][0])).not.toBeNull();
  });

  /** A request with this cookie header, and the `Set-Cookie` headers of its response. */
  const request = (header: string) => {
    const cookies: string[] = [];
    const jar = {
      read: (name: string) => (name === "cookie" ? header : null),
      write(name: string, value: string, replaced?: string) {
        if (name !== "Set-Cookie") return;
        if (replaced !== undefined) cookies.splice(cookies.indexOf(replaced), 1);
        cookies.push(value);
      },
    };
    return { jar, cookies };
  };
  const junk = "A".repeat(83);

  it.each<[string, (old: string, live: string) => string]>([
    ["before", (old, live) => `sid=${old}; sid=${live}`],
    ["behind", (old, live) => `sid=${live}; sid=${old}`],
    ["among junk", (old, live) => `sid=; sid=${junk}; sid=${old}; sid=${live}`],
    ["under an earlier name", (old, live) => `sid=${old}; theirs=x; connect.sid=${live}`],
  ])("finds the live session with a dead one %s, in as many reads", async (_, headerOf) => {
    const { cookies, sessions } = open({ name: "sid", domain: "example.org", previous: [{ name: "connect.sid" }] });
    const [old, live] = [
      await sessions.create({ user: "ada", data: {} }),
      await sessions.create({ user: "ada", data: {} }),
    ];
    await old.destroy();
    const visit = await cookies.open(request(headerOf(old.token, live.token)).jar);
    expect(visit.user).toBe("ada");
    expect(visit.session?.id).toBe(live.id);
  });

  it("reads four cookies of one request at most", async () => {
    const { cookies } = open();
    const tokens = Array.from({ length: 50 }, (_, i) => String(i).padStart(83, "A"));
    const header = tokens.map((token) => `__Host-session=${token}`).join("; ");
    const counts = await backend.count(() => cookies.open(request(header).jar));
    expect(counts["evalsha"]).toBe(4);
  });

  it("logs out of every session that the request had, and removes each cookie that was set", async () => {
    const { cookies, sessions } = open({ name: "sid", domain: "example.org", clearSiteData: [] });
    const [one, two] = [
      await sessions.create({ user: "ada", data: {} }),
      await sessions.create({ user: "ada", data: {} }),
    ];
    const { jar, cookies: set } = request(`sid=${one.token}; sid=${two.token}`);
    await (await cookies.open(jar)).logout();
    expect([await sessions.read(one.token), await sessions.read(two.token)]).toEqual([null, null]);
    expect(set.map((value) => value.replace("; HttpOnly; Secure; SameSite=Lax", ""))).toEqual([
      "sid=; Max-Age=0; Path=/; Domain=example.org",
      "sid=; Max-Age=0; Path=/",
    ]);
  });

  it.each<[string, (visit: Visit<Shop>) => Promise<unknown>]>([
    ["set and login", async (visit) => (await visit.set({ theme: "dark" }), visit.login("ada"))],
    ["two logins", async (visit) => (await visit.login("eve"), visit.login("ada"))],
    ["login and rotate", async (visit) => (await visit.login("ada"), visit.rotate())],
    ["logout and login", async (visit) => (await visit.logout(), visit.login("ada"))],
    [
      "set, login, logout, login",
      async (visit) => {
        await visit.set({ theme: "dark" });
        await visit.login("ada");
        await visit.logout();
        await visit.login("ada");
      },
    ],
  ])("sends one cookie after %s: the last", async (_, work) => {
    const { cookies, sessions } = open();
    const { jar, cookies: set } = request("");
    const visit = await cookies.open(jar);
    await work(visit);
    expect(set).toEqual([expect.stringContaining(`__Host-session=${visit.session?.token}`)]);
    expect((await sessions.read(visit.session?.token))?.user).toBe("ada");
  });

  it.each<[string, (visit: Visit<Shop>) => Promise<unknown>]>([
    ["login", (visit) => visit.login("ada")],
    ["a first value", (visit) => visit.set({ theme: "dark" })],
  ])("ends the session of %s whose cookie the framework refuses: nobody could use it", async (_, begin) => {
    const { cookies, sessions } = open();
    const { jar } = request("");
    let refused = "";
    const refuse = (_name: string, value: string) => {
      refused = value;
      throw new Error("Headers are sent");
    };
    const visit = await cookies.open({ ...jar, write: refuse });
    await expect(begin(visit)).rejects.toThrow("Headers are sent");
    expect(visit.session).toBeNull();
    const [, token = ""] = /=([^;]+)/.exec(refused) ?? [];
    expect(await sessions.read(token)).toBeNull();
  });

  it.each(["plain", "signed"])("accepts one form of a %s token, whatever its spare bits", async (kind) => {
    const signer = kind === "signed" ? hmacSigner(["s".repeat(32)]) : undefined;
    const { sessions } = open({}, { signer });
    const { token } = await sessions.create({ data: {} });
    const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const forms = digits.split("").map((last) => token.slice(0, -1) + last);
    const found = await Promise.all(forms.map((form) => sessions.read(form)));
    expect(forms.filter((_, i) => found[i])).toEqual([token]);
  });
});
