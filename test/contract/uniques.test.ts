import { beforeAll, expect, it } from "vitest";
import {
  approximate,
  type CountKind,
  type CountName,
  createUniques,
  daily,
  exact,
  hasMember,
  hybrid,
  listMembers,
  monthly,
  removeMember,
  saltedHash,
  type Uniques,
  type UniquesOptions,
  weekly,
} from "../../src/core/patterns/uniques/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { days, hours, minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

const kinds: readonly (readonly [CountName, () => CountKind])[] = [
  ["exact", exact],
  ["approximate", approximate],
  ["hybrid", hybrid],
];
const estimateBound = (2 * 1.04) / 128;
/** What the key of a counter ends with. */
const counterOf = /\}:[a-z]+1$/;
const numbered = (count: number, name = "m") => Array.from({ length: count }, (_, i) => `${name}${i}`);

onEveryBackend("uniques", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = <Name extends CountName>(count: CountKind<Name>, options: Partial<UniquesOptions> = {}, port = redis) =>
    createUniques(port, { ttl: minutes(10), prefix: `${backend.prefix}:${(number += 1)}`, ...options, count });
  const own = async () =>
    (await backend.keys()).filter((key) => key.startsWith(`uniques:${backend.prefix}:${number}:`));

  it.each(kinds)("count each member once: %s", async (name, kind) => {
    const tags = open(kind());
    expect(await tags.count("post")).toMatchObject({ count: 0 });
    await tags.add("post", "redis");
    await tags.add("post", "redis");
    await tags.add("post", ["redis", "lua", "lua", "tcp"]);
    const isExact = name !== "approximate";
    expect(await tags.count("post")).toEqual({ count: 3, exact: isExact, errorBound: isExact ? 0 : estimateBound });
    expect(await tags.count("another")).toMatchObject({ count: 0 });
    expect(tags.counting).toBe(name);
  });

  it("say how many were new, and of an estimate whether one surely was", async () => {
    const tags = open(exact());
    expect(await tags.add("a", "x")).toEqual({ added: 1, exact: true });
    expect(await tags.add("a", ["x", "y", "z", "z"])).toEqual({ added: 2, exact: true });
    const roughly = open(approximate());
    expect(await roughly.add("a", ["x", "y"])).toEqual({ added: 1, exact: false });
    expect(await roughly.add("a", "x")).toEqual({ added: 0, exact: false });
    const both = open(hybrid({ exactUntil: 2 }));
    expect(await both.add("a", ["x", "y"])).toEqual({ added: 2, exact: true });
    expect(await both.add("a", ["y", "z", "1"])).toEqual({ added: 2, exact: true });
    expect(await both.add("a", ["x", "y"])).toEqual({ added: 0, exact: false });
  });

  it("take a thousand members at once, of any characters", async () => {
    for (const [, kind] of kinds) {
      const tags = open(kind());
      await tags.add("a", numbered(1_000));
      expect(Math.abs((await tags.count("a")).count - 1_000)).toBeLessThan(35);
    }
    const odd = ["__proto__", "%", "{}", "é漢", "\u0000", " ", "NaN", "-0", "x".repeat(1_024)];
    const tags = open(exact());
    expect(await tags.add("a:{b}%", odd)).toEqual({ added: odd.length, exact: true });
    expect((await listMembers(tags, "a:{b}%")).members.toSorted()).toEqual(odd.toSorted());
  });

  it("know their members where they are exact", async () => {
    const online = open(exact());
    await online.add("room", ["ada", "bob"]);
    expect(await hasMember(online, "room", "ada")).toBe(true);
    expect(await removeMember(online, "room", "ada")).toBe(true);
    expect(await removeMember(online, "room", "ada")).toBe(false);
    expect(await hasMember(online, "room", "ada")).toBe(false);
    expect(await online.count("room")).toEqual({ count: 1, exact: true, errorBound: 0 });
    expect(await listMembers(online, "room")).toEqual({ members: ["bob"], cursor: null });
    expect(await listMembers(online, "nowhere")).toEqual({ members: [], cursor: null });
  });

  it("list every member, page by page", async () => {
    const online = open(exact());
    const all = numbered(900, "visitor number ");
    await online.add("room", all);
    const found = new Set<string>();
    let cursor: string | null = null;
    let pages = 0;
    do {
      const page = await listMembers(online, "room", { limit: 200, cursor });
      expect(page.members.length).toBeLessThan(600);
      for (const member of page.members) found.add(member);
      cursor = page.cursor;
      pages += 1;
    } while (cursor !== null);
    expect(pages).toBeGreaterThan(1);
    expect(found).toEqual(new Set(all));
  });

  it("do not show what an estimate does not know, nor compile it", async () => {
    for (const uniques of [open(approximate()), open(hybrid()), {} as Uniques<"hybrid">]) {
      // @ts-expect-error -- an estimate does not know its members
      const asking = [hasMember(uniques, "a", "x"), removeMember(uniques, "a", "x"), listMembers(uniques, "a")];
      for (const result of asking) await expect(result).rejects.toMatchObject({ code: "OPTION" });
    }
    // @ts-expect-error -- an estimate does not know its members
    await expect(hasMember(open(hybrid()), "a", "x")).rejects.toThrow("`uniques` must count by exact()");
    const hashed = open(exact(), { hash: saltedHash({ salt: "s".repeat(32) }) });
    await expect(listMembers(hashed, "a")).rejects.toThrow("stores hashes of its members and cannot list them");
  });

  it("begin anew as another kind, and never read what that one wrote", async () => {
    const prefix = `${backend.prefix}:kinds`;
    for (const [, kind] of kinds) {
      const tags = open(kind(), { prefix });
      expect(await tags.count("a")).toMatchObject({ count: 0 });
      await tags.add("a", ["x", "y"]);
    }
    for (const [, kind] of kinds) expect(await open(kind(), { prefix }).count("a")).toMatchObject({ count: 2 });
  });

  it("cost one trip and few commands a call", async () => {
    const faulty = withFaults(redis);
    const tags = open(exact(), {}, faulty);
    const roughly = open(approximate(), {}, faulty);
    const both = open(hybrid(), {}, faulty);
    for (const uniques of [tags, roughly, both]) {
      await uniques.add("a", "x");
      await uniques.count("a");
    }
    await removeMember(tags, "a", "x");
    await hasMember(tags, "a", "x");
    await listMembers(tags, "a");
    faulty.reset();
    const once = { evalsha: 1, get: 1, set: 1, pexpire: 1 };
    expect(await backend.count(() => tags.add("a", ["x", "y"]))).toEqual({ ...once, sadd: 1 });
    expect(await backend.count(() => roughly.add("a", ["x", "y"]))).toEqual({ ...once, pfadd: 1 });
    expect(await backend.count(() => both.add("a", ["x", "y"]))).toEqual({ ...once, exists: 1, sadd: 1, scard: 1 });
    expect(await backend.count(() => tags.count("a"))).toEqual({ evalsha: 1, scard: 1 });
    expect(await backend.count(() => roughly.count("a"))).toEqual({ evalsha: 1, pfcount: 1 });
    expect(await backend.count(() => both.count("a"))).toEqual({ evalsha: 1, exists: 1, scard: 1 });
    expect(await backend.count(() => hasMember(tags, "a", "x"))).toEqual({ evalsha: 1, sismember: 1 });
    expect(await backend.count(() => removeMember(tags, "a", "x"))).toEqual({ ...once, srem: 1 });
    expect(await backend.count(() => listMembers(tags, "a"))).toEqual({ evalsha: 1, sscan: 1 });
    expect(faulty.counts().trips).toBe(9);
  });

  it("give every key a time to live, which each add begins anew", async () => {
    for (const [, kind] of kinds) {
      const tags = open(kind(), { requestTtl: hours(1) });
      await tags.add("a", "x", { requestId: "r" });
      await tags.add("a", "y");
      const keys = await own();
      expect(keys).toHaveLength(3);
      for (const key of keys) expect(integer(await redis.send(["PTTL", key]))).toBeGreaterThan(0);
      const [counter = ""] = keys.filter((key) => counterOf.test(key));
      await redis.send(["PEXPIRE", counter, 1_000]);
      await tags.add("a", "y");
      expect(integer(await redis.send(["PTTL", counter]))).toBeGreaterThan(500_000);
      const [request = ""] = keys.filter((key) => key.includes(":request:"));
      expect(integer(await redis.send(["PTTL", request]))).toBeGreaterThan(3_500_000);
    }
  });

  it("live for ever where they are told to, and then again for a time", async () => {
    for (const [, kind] of kinds) {
      const prefix = `${backend.prefix}:permanent:${(number += 1)}`;
      await createUniques(redis, { prefix, count: kind(), ttl: "permanent" }).add("a", "x");
      const [counter = ""] = (await backend.keys()).filter((key) => key.includes(`${prefix}:`) && counterOf.test(key));
      expect(await redis.send(["PTTL", counter])).toBe(-1);
      await createUniques(redis, { prefix, count: kind(), ttl: 60_000 }).add("a", "x");
      expect(integer(await redis.send(["PTTL", counter]))).toBeGreaterThan(0);
      await createUniques(redis, { prefix, count: kind(), ttl: "permanent" }).add("a", "x");
      expect(await redis.send(["PTTL", counter])).toBe(-1);
    }
  });

  it("store neither an id nor an address where members are hashed, and count the same", async () => {
    const hash = saltedHash({ salt: "s".repeat(32) });
    const visitors = open(exact(), { hash });
    await visitors.add("home", ["ada@example.org", "bob@example.org"]);
    await visitors.add("home", "ada@example.org");
    expect(await visitors.count("home")).toMatchObject({ count: 2, exact: true });
    expect(await hasMember(visitors, "home", "ada@example.org")).toBe(true);
    const [key = ""] = (await own()).filter((name) => counterOf.test(name));
    const stored = await redis.send(["SMEMBERS", key]);
    for (const text of Array.isArray(stored) ? stored : []) expect(text).toMatch(/^[\w-]{20}$/);
    expect(await removeMember(visitors, "home", "ada@example.org")).toBe(true);
    const other = await saltedHash({ salt: "t".repeat(32) }).hash(["ada@example.org"], 0);
    expect(await hash.hash(["ada@example.org"], 0)).not.toEqual(other);
  });

  it.each<[string, unknown]>([
    ["fewer texts", []],
    ["an empty text", [""]],
    ["a number", [7]],
    ["nothing", undefined],
  ])("refuse a hash of the caller's own that gives %s, and pass on what one throws", async (_, texts) => {
    const uniques = open(exact(), { hash: { rotate: undefined, hash: async () => texts as never } });
    await expect(uniques.add("a", "x")).rejects.toMatchObject({ code: "OPTION" });
    const broken = open(exact(), { hash: { rotate: undefined, hash: () => Promise.reject(new Error("no key")) } });
    await expect(broken.add("a", "x")).rejects.toThrow("no key");
    expect(await own()).toEqual([]);
  });

  it.each<[string, (tags: Uniques<"exact">) => Promise<unknown>]>([
    ["member", (tags) => tags.add("a", "")],
    ["member", (tags) => tags.add("a", ["x", 7 as never])],
    ["member", (tags) => tags.add("a", "\ud800")],
    ["member", (tags) => tags.add("a", "x".repeat(1_025))],
    ["members", (tags) => tags.add("a", numbered(1_001))],
    ["members", (tags) => tags.add("a", 5 as never)],
    ["members", (tags) => tags.add("a", undefined as never)],
    ["id", (tags) => tags.add("", [])],
    ["options", (tags) => tags.add("a", [], 7 as never)],
    ["members", (tags) => tags.add("a", null as never)],
    ["id", (tags) => tags.add("", "x")],
    ["options", (tags) => tags.add("a", "x", 7 as never)],
    ["options", (tags) => tags.add("a", "x", null as never)],
    ["signal", (tags) => tags.add("a", "x", { signal: {} as never })],
    ["requestId", (tags) => tags.add("a", "x", { requestId: "" })],
    ["requestId", (tags) => tags.add("a", "x", { requestId: "r".repeat(257) })],
    ["at", (tags) => tags.add("a", "x", { at: Date.now() })],
    ["options", (tags) => tags.count("a", days(7) as never)],
    ["options", (tags) => tags.count("a", null as never)],
    ["last", (tags) => tags.count("a", { last: days(7) })],
    ["at", (tags) => tags.count("a", { at: 0 })],
    ["member", (tags) => hasMember(tags, "a", "")],
    ["member", (tags) => removeMember(tags, "a", ["x"] as never)],
    ["limit", (tags) => listMembers(tags, "a", { limit: 1_001 })],
    ["limit", (tags) => listMembers(tags, "a", { limit: 0 })],
    ["cursor", (tags) => listMembers(tags, "a", { cursor: "x" })],
    ["cursor", (tags) => listMembers(tags, "a", { cursor: 0 as never })],
    ["uniques", () => hasMember({} as never, "a", "x")],
  ])("refuse a wrong `%s`, and change nothing", async (name, call) => {
    const tags = open(exact());
    await expect(call(tags)).rejects.toMatchObject({ code: "OPTION", message: expect.stringContaining(`\`${name}\``) });
    expect(await own()).toEqual([]);
  });

  it("add nothing where the list of members is empty", async () => {
    const tags = open(exact());
    expect(await backend.count(() => tags.add("a", []))).toEqual({});
    expect(await tags.add("a", [])).toEqual({ added: 0, exact: true });
  });

  it("say what was meant, where something else was given", async () => {
    await expect(open(exact()).add("a", 5 as never)).rejects.toThrow(
      "`members` must be a string or an array of strings",
    );
    const wrong: readonly (readonly [() => unknown, string])[] = [
      ...[daily, weekly, monthly].map(
        (period) => [() => period("UTC" as never), '{ timeZone: "Europe/Berlin" }'] as const,
      ),
      [() => daily(null as never), '{ timeZone: "Europe/Berlin" }'],
      [() => hybrid(500 as never), "{ exactUntil: 500 }"],
      [() => hybrid(null as never), "{ exactUntil: 500 }"],
    ];
    for (const [call, remedy] of wrong) {
      expect(call).toThrow(expect.objectContaining({ code: "OPTION", message: expect.stringContaining(remedy) }));
    }
  });

  it.each<[string, () => unknown]>([
    ["ttl", () => open(exact(), { ttl: 0 })],
    ["ttl", () => open(exact(), { ttl: undefined as never })],
    ["prefix", () => open(exact(), { prefix: "" })],
    ["prefix", () => open(exact(), { prefix: "{" })],
    ["requestTtl", () => open(exact(), { requestTtl: 0 })],
    ["count", () => open("exact" as never)],
    ["count", () => open(undefined as never)],
    ["period", () => open(exact(), { period: "daily" as never })],
    ["hash", () => open(exact(), { hash: "secret" as never })],
    ["hash", () => open(exact(), { hash: saltedHash({ salt: "s".repeat(32), rotate: days(1) }) })],
    ["rotate", () => open(exact(), { hash: saltedHash({ salt: "s".repeat(32), rotate: hours(1) }), period: daily() })],
    ["rotate", () => saltedHash({ salt: "s".repeat(32), rotate: 0 })],
    ["hash.rotate", () => open(exact(), { hash: { rotate: Number.NaN, hash: async () => [] }, period: daily() })],
    ["salt", () => saltedHash({ salt: "short" })],
    ["exactUntil", () => hybrid({ exactUntil: 10_001 })],
    ["exactUntil", () => hybrid({ exactUntil: 0 })],
    ["options", () => createUniques(redis, null as never)],
    ["redis", () => open(exact(), {}, {} as never)],
  ])("cannot be made with a wrong `%s`", (name, make) => {
    expect(make).toThrow(expect.objectContaining({ code: "OPTION", message: expect.stringContaining(`\`${name}`) }));
  });

  it("change nothing where another program's key stands in their place", async () => {
    for (const [, kind] of kinds) {
      const tags = open(kind());
      await tags.add("a", "x");
      const keys = await own();
      const [counter = ""] = keys.filter((key) => counterOf.test(key));
      await redis.send(["SET", counter, "text", "PX", 60_000]);
      await expect(tags.add("a", "y")).rejects.toMatchObject({ code: "WRONGTYPE" });
      expect(await redis.send(["GET", counter])).toBe("text");
      expect(await own()).toHaveLength(keys.length);
    }
  });

  it("end with their signal", async () => {
    const signal = AbortSignal.abort(new Error("left"));
    const tags = open(exact());
    const calls = [tags.add("a", "x", { signal }), tags.count("a", { signal }), hasMember(tags, "a", "x", { signal })];
    for (const call of calls) await expect(call).rejects.toThrow("left");
  });
});
