import { beforeAll, expect, it } from "vitest";
import {
  approximate,
  type CountKind,
  type CountName,
  createUniques,
  daily,
  every,
  exact,
  hasMember,
  hybrid,
  listMembers,
  monthly,
  type Period,
  removeMember,
  saltedHash,
  type UniquesOptions,
  weekly,
} from "../../src/core/patterns/uniques/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer, text } from "../../src/core/port/reply.ts";
import { days, hours, minutes, seconds } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

const kinds: readonly (readonly [CountName, () => CountKind])[] = [
  ["exact", exact],
  ["approximate", approximate],
  ["hybrid", () => hybrid({ exactUntil: 50 })],
];
const estimateBound = (2 * 1.04) / 128;
const numbered = (count: number, name = "m") => Array.from({ length: count }, (_, i) => `${name}${i}`);
/** The middle of a day, so that a test does not begin in one and end in another. */
const noon = () => Math.floor(Date.now() / days(1)) * days(1) + hours(12);

onEveryBackend("uniques of periods", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = <Name extends CountName>(count: CountKind<Name>, options: Partial<UniquesOptions> = {}, port = redis) =>
    createUniques(port, {
      ttl: days(500),
      prefix: `${backend.prefix}:${(number += 1)}`,
      period: daily(),
      ...options,
      count,
    });
  const own = async () =>
    (await backend.keys()).filter((key) => key.startsWith(`uniques:${backend.prefix}:${number}:`));

  it.each(kinds)("count a day by itself and a week together, each member once: %s", async (name, kind) => {
    const visitors = open(kind());
    const now = noon();
    for (let day = 0; day < 8; day += 1) {
      await visitors.add("home", ["ada", `visitor of day ${day}`], { at: now - days(day) });
    }
    expect(await visitors.count("home", { at: now })).toMatchObject({ count: 2 });
    expect(await visitors.count("home", { at: now, last: days(1) })).toMatchObject({ count: 2 });
    const isExact = name !== "approximate";
    const bound = isExact ? 0 : estimateBound;
    expect(await visitors.count("home", { at: now, last: days(7) })).toEqual({
      count: 8,
      exact: isExact,
      errorBound: bound,
    });
    expect(await visitors.count("home", { at: now - days(1), last: days(7) })).toMatchObject({ count: 8 });
    expect(await visitors.count("home", { at: now, last: days(400) })).toMatchObject({ count: 9 });
    expect(await visitors.count("nowhere", { at: now, last: days(7) })).toMatchObject({ count: 0 });
  });

  it("are those of the period that the server is in", async () => {
    const periods: readonly (readonly [Period, number])[] = [
      [daily({ timeZone: "Asia/Tokyo" }), days(2)],
      [weekly(), days(14)],
      [monthly(), days(62)],
      [every(minutes(15)), minutes(30)],
    ];
    for (const [, kind] of kinds) {
      for (const [period, last] of periods) {
        const visitors = open(kind(), { period });
        await visitors.add("home", ["ada", "bob"]);
        // The period may end between the two calls.
        expect(await visitors.count("home", { last })).toMatchObject({ count: 2 });
      }
    }
  });

  backend.itHasOwnClock("ask again where the server's clock is in another period", async () => {
    const faulty = withFaults(redis);
    const { now } = Date;
    const visitors = open(exact(), { period: every(seconds(1)) }, faulty);
    Date.now = () => now() - days(3);
    try {
      await visitors.add("home", "ada");
      expect(faulty.counts().trips).toBeGreaterThan(1);
      expect(await visitors.count("home", { last: seconds(60) })).toMatchObject({ count: 1 });
    } finally {
      Date.now = now;
    }
  });

  it("live for `ttl` after the end of their period, whenever they are added to", async () => {
    const now = noon();
    for (const [, kind] of kinds) {
      const visitors = open(kind(), { ttl: days(2) });
      await visitors.add("home", "ada", { at: now });
      await visitors.add("home", "ada", { at: now - days(1) });
      await visitors.count("home", { at: now, last: days(2) });
      const keys = await own();
      const ttlOf = async (key: string) => integer(await redis.send(["PTTL", key]));
      const dated = keys.filter((key) => /1:\d{4}-\d\d-\d\d$/.test(key) && !key.includes("merged"));
      expect(dated).toHaveLength(2);
      for (const key of dated) {
        const end = Date.parse(text(key.slice(-10))) + days(1);
        expect(Math.abs((await ttlOf(key)) - (end + days(2) - Date.now()))).toBeLessThan(seconds(60));
      }
      const merged = keys.filter((key) => key.includes(":merged:"));
      expect(merged).toHaveLength(1);
      expect(await ttlOf(merged[0] ?? "")).toBeLessThanOrEqual(seconds(30));
      expect(keys.filter((key) => key.includes(":merging:"))).toEqual([]);
    }
  });

  it("show a late event in a merge after half a minute, and in its own period at once", async () => {
    const visitors = open(exact());
    const now = noon();
    await visitors.add("home", "ada", { at: now });
    expect(await visitors.count("home", { at: now, last: days(7) })).toMatchObject({ count: 1 });
    await visitors.add("home", "bob", { at: now - days(3) });
    expect(await visitors.count("home", { at: now, last: days(7) })).toMatchObject({ count: 1 });
    expect(await visitors.count("home", { at: now - days(3) })).toMatchObject({ count: 1 });
    const [merged = ""] = (await own()).filter((key) => key.includes(":merged:"));
    expect(integer(await redis.send(["PTTL", merged]))).toBeLessThanOrEqual(seconds(30));
    await redis.send(["DEL", merged]);
    expect(await visitors.count("home", { at: now, last: days(7) })).toMatchObject({ count: 2 });
  });

  it("cost one trip, and one GET while a merge is remembered", async () => {
    const now = noon();
    const faulty = withFaults(redis);
    for (const [name, kind] of kinds) {
      const visitors = open(kind(), {}, faulty);
      await visitors.add("home", "ada", { at: now });
      await visitors.count("elsewhere", { at: now, last: days(7) });
      const merging = await backend.count(() => visitors.count("home", { at: now, last: days(7) }));
      const always = { evalsha: 1, get: 1, set: 1, unlink: 1 };
      if (name === "approximate") expect(merging).toEqual({ ...always, pfmerge: 1, pfcount: 1 });
      if (name === "exact") expect(merging).toEqual({ ...always, scard: 8, sunionstore: 1 });
      if (name === "hybrid") expect(merging).toEqual({ ...always, exists: 1, scard: 8, sunionstore: 1 });
      faulty.reset();
      const reading = await backend.count(() => visitors.count("home", { at: now, last: days(7) }));
      expect(reading).toEqual({ evalsha: 1, get: 1 });
      expect(faulty.counts().trips).toBe(1);
    }
  });

  it("merge what is large in steps, each of bounded work, and find every member", async () => {
    const now = noon();
    const faulty = withFaults(redis);
    const visitors = open(exact(), {}, faulty);
    for (let batch = 0; batch < 6; batch += 1) {
      for (const day of [0, 2]) {
        await visitors.add("home", numbered(1_000, `${day * (batch % 2)}:${batch}:`), { at: now - days(day) });
      }
    }
    faulty.reset();
    expect(await visitors.count("home", { at: now, last: days(7) })).toEqual({
      count: 9_000,
      exact: true,
      errorBound: 0,
    });
    expect(faulty.counts().trips).toBeGreaterThan(1);
    expect((await own()).filter((key) => key.includes(":merging:"))).toEqual([]);
    await redis.send(["DEL", ...(await own()).filter((key) => key.includes(":merged:"))]);
    // Every step may run twice, and its reply may be lost.
    faulty.runTwice(3);
    expect(await visitors.count("home", { at: now, last: days(7) })).toMatchObject({ count: 9_000 });
  });

  it("never count a half of a merge that was lost on its way", async () => {
    const now = noon();
    const faulty = withFaults(redis);
    const visitors = open(exact(), {}, faulty);
    for (let batch = 0; batch < 11; batch += 1) await visitors.add("home", numbered(1_000, `${batch}:`), { at: now });
    faulty.next(async (run) => run());
    faulty.next(async (run) => {
      const [building = ""] = (await own()).filter((key) => key.includes(":merging:"));
      await redis.send(["DEL", building]);
      return run();
    });
    await expect(visitors.count("home", { at: now, last: days(2) })).rejects.toThrow("count again");
    expect((await own()).filter((key) => /:merg(ing|ed):/.test(key))).toEqual([]);
    expect(await visitors.count("home", { at: now, last: days(2) })).toMatchObject({ count: 11_000 });
  });

  it("become an estimate together where one of them is, or where they hold too much", async () => {
    const now = noon();
    const visitors = open(hybrid({ exactUntil: 50 }));
    await visitors.add("home", numbered(40), { at: now });
    await visitors.add("home", numbered(40), { at: now - days(1) });
    expect(await visitors.count("home", { at: now, last: days(2) })).toEqual({ count: 40, exact: true, errorBound: 0 });
    await visitors.add("home", numbered(60), { at: now - days(2) });
    const three = await visitors.count("home", { at: now, last: days(3) });
    expect(three).toMatchObject({ exact: false, errorBound: estimateBound });
    expect(Math.abs(three.count - 60)).toBeLessThanOrEqual(2);
    const large = open(hybrid({ exactUntil: 10_000 }));
    for (let batch = 0; batch < 6; batch += 1) {
      for (const day of [0, 1]) await large.add("home", numbered(1_000, `${batch}:`), { at: now - days(day) });
    }
    expect(await large.count("home", { at: now })).toMatchObject({ count: 6_000, exact: true });
    const both = await large.count("home", { at: now, last: days(2) });
    expect(both.exact).toBe(false);
    expect(Math.abs(both.count - 6_000)).toBeLessThan(6_000 * 0.033);
  });

  it("merge 400 estimates in steps", async () => {
    const faulty = withFaults(redis);
    const period = every(minutes(1));
    const visitors = open(approximate(), { period }, faulty);
    const now = noon();
    await visitors.add("home", ["ada", "bob"], { at: now });
    await visitors.add("home", ["ada", "eve"], { at: now - minutes(399) });
    await visitors.add("home", ["nobody"], { at: now - minutes(400) });
    faulty.reset();
    expect(await visitors.count("home", { at: now, last: minutes(400) })).toMatchObject({ count: 3 });
    expect(faulty.counts().trips).toBe(4);
  });

  it("round `last` to whole periods, also in a week with a day of 23 hours", async () => {
    const period = daily({ timeZone: "Europe/Berlin" });
    // Clocks went forward on the 29th of March 2026.
    const now = Date.parse("2026-04-01T10:00:00Z");
    const visitors = open(exact(), { period, ttl: "permanent", prefix: `${backend.prefix}:permanent` });
    for (let day = 0; day < 8; day += 1) await visitors.add("home", `${day}`, { at: now - days(day) });
    for (const count of [1, 2, 3, 6, 7, 8]) {
      expect(await visitors.count("home", { at: now, last: days(count) })).toMatchObject({ count });
    }
    expect(await visitors.count("home", { at: now, last: days(7) - hours(2) })).toMatchObject({ count: 7 });
    const months = open(exact(), { period: monthly(), ttl: "permanent", prefix: `${backend.prefix}:permanent` });
    for (const month of ["01", "02", "03", "04"]) await months.add("m", month, { at: Date.parse(`2026-${month}-03`) });
    for (const [last, count] of [
      [30, 1],
      [60, 2],
      [90, 3],
    ] as const) {
      expect(await months.count("m", { at: Date.parse("2026-04-03"), last: days(last) })).toMatchObject({ count });
    }
  });

  it.each<[string, Partial<UniquesOptions>, number]>([
    ["at least one period", {}, days(0.4)],
    ["at most 400 periods", {}, days(401)],
    ["`last` must be", {}, -1],
    ["`last` must be", {}, Number.NaN],
    ["`last` must be", {}, "7d" as never],
    ["raise the `ttl`", { ttl: days(2) }, days(7)],
    ["raise `rotate`", { hash: saltedHash({ salt: "s".repeat(32), rotate: days(5) }) }, days(7)],
  ])("refuse a `last` that can have no true answer: %s", async (message, options, last) => {
    const counting = open(exact(), options).count("home", { last });
    await expect(counting).rejects.toMatchObject({ code: "OPTION", message: expect.stringContaining(message) });
  });

  it.each<[string, Partial<UniquesOptions>, number, boolean]>([
    ["as short as `last`", { ttl: days(7) }, days(7), true],
    ["shorter than `last`", { ttl: days(7) - hours(2) }, days(7), false],
    ["six days, for seven", { ttl: days(6) }, days(7), false],
    ["long, and `last` is half a day", {}, hours(12), true],
    ["long, and `last` is less than half a day", {}, hours(12) - 1, false],
    ["long, and `last` is 400 days", {}, days(400), true],
    ["long, and `last` is above 400 days", {}, days(400) + 1, false],
    ["long, of months, and `last` is half a month", { period: monthly() }, days(15.5), true],
    ["long, of months, and `last` is less than half a month", { period: monthly() }, days(15), false],
  ])(
    "take or refuse a `last` alike on every day, also around a change of clocks: a ttl is %s",
    async (_, own, last, isTaken) => {
      const visitors = open(exact(), { period: daily({ timeZone: "Europe/Berlin" }), ...own });
      // Clocks went back on the 25th of October, and forward on the 29th of March.
      for (const day of [
        "2026-10-24",
        "2026-10-25",
        "2026-10-31",
        "2026-11-01",
        "2026-02-15",
        "2026-03-29",
        "2026-04-04",
      ]) {
        const counting = visitors.count("home", { at: Date.parse(`${day}T12:00:00Z`), last });
        if (isTaken) expect(await counting).toMatchObject({ count: 0 });
        else await expect(counting).rejects.toMatchObject({ code: "OPTION" });
      }
    },
  );

  it.each<unknown>([
    -1,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    253_402_300_800_000,
    new Date(),
    "2026-01-01",
    null,
  ])("refuse %s as an instant", async (at) => {
    const visitors = open(exact());
    const wrong = { at: at as never };
    const calls = [
      visitors.add("a", "x", wrong),
      visitors.count("a", wrong),
      visitors.count("a", { ...wrong, last: days(7) }),
      hasMember(visitors, "a", "x", wrong),
      removeMember(visitors, "a", "x", wrong),
      listMembers(visitors, "a", wrong),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: "OPTION" });
  });

  it("take the first and the last instants that there are", async () => {
    const visitors = open(exact(), { ttl: "permanent", prefix: `${backend.prefix}:permanent` });
    for (const at of [0, 253_402_300_799_999]) {
      await visitors.add("ends", "x", { at });
      expect(await visitors.count("ends", { at })).toMatchObject({ count: 1 });
      expect(await visitors.count("ends", { at, last: days(7) })).toMatchObject({ count: 1 });
    }
  });

  it("keep nothing of what is older than their ttl", async () => {
    const at = noon() - days(5);
    for (const [, kind] of kinds) {
      const visitors = open(kind(), { ttl: days(1) });
      for (const _ of [1, 2]) expect(await visitors.add("home", ["ada", "bob"], { at })).toMatchObject({ added: 0 });
      expect(await visitors.count("home", { at })).toMatchObject({ count: 0 });
      expect(await own()).toEqual([]);
    }
  });

  it("lose no period that was kept with a longer ttl to a late event, or to a late removal", async () => {
    const at = noon() - days(5);
    for (const [, kind] of kinds) {
      const prefix = `${backend.prefix}:${(number += 1)}`;
      const [before, after] = [days(30), days(1)].map((ttl) => open(kind(), { prefix, ttl }));
      await before?.add("home", ["ada", "bob"], { at });
      expect(await after?.add("home", "eve", { at })).toMatchObject({ added: 0 });
      expect(await before?.count("home", { at })).toMatchObject({ count: 2 });
    }
    const prefix = `${backend.prefix}:${(number += 1)}`;
    await open(exact(), { prefix, ttl: days(30) }).add("home", ["ada", "bob"], { at });
    const after = open(exact(), { prefix, ttl: days(1) });
    expect(await removeMember(after, "home", "ada", { at })).toBe(false);
    expect(await after.count("home", { at })).toMatchObject({ count: 2 });
  });

  it("leave nothing for ever of a merge that another program's key ends half-way", async () => {
    const now = noon();
    const visitors = open(hybrid({ exactUntil: 5 }));
    await visitors.add("home", numbered(4), { at: now - days(1) });
    await visitors.add("home", numbered(9), { at: now });
    const [estimate = ""] = (await own()).filter((key) => key.includes(":many1:"));
    await redis.send(["SET", estimate, "text", "PX", 60_000]);
    await expect(visitors.count("home", { at: now, last: days(2) })).rejects.toMatchObject({ code: "WRONGTYPE" });
    for (const key of await own()) expect(await redis.send(["PTTL", key])).toBeGreaterThan(0);
  });

  it("know, remove and list the members of the period that is meant", async () => {
    const visitors = open(exact());
    const [now, then] = [noon(), noon() - days(1)];
    await visitors.add("home", "ada", { at: then });
    await visitors.add("home", numbered(900, "visitor number "), { at: now });
    expect(await hasMember(visitors, "home", "ada", { at: then })).toBe(true);
    expect(await hasMember(visitors, "home", "ada", { at: now })).toBe(false);
    expect(await listMembers(visitors, "home", { at: then })).toEqual({ members: ["ada"], cursor: null });
    const first = await listMembers(visitors, "home", { at: now, limit: 100 });
    const second = await listMembers(visitors, "home", { cursor: first.cursor, limit: 100 });
    expect([...first.members, ...second.members].filter((member) => !member.startsWith("visitor"))).toEqual([]);
    expect(second.members.length).toBeGreaterThan(0);
    expect(await removeMember(visitors, "home", "ada", { at: now })).toBe(false);
    expect(await removeMember(visitors, "home", "ada", { at: then })).toBe(true);
  });

  it("refuse a cursor of a time that no calendar has", async () => {
    const visitors = open(exact());
    for (const cursor of ["9999999999999999.1", "-9999999999999999.1", "-.1"]) {
      await expect(listMembers(visitors, "home", { cursor })).rejects.toMatchObject({
        code: "OPTION",
        message: expect.stringContaining("`cursor`"),
      });
    }
  });

  it("have names that a period of the caller's own chooses, braces and all", async () => {
    const period: Period = {
      name: "{days}",
      at: (instant) => ({
        name: `{${Math.floor(instant / days(1))}}`,
        start: Math.floor(instant / days(1)) * days(1),
        end: Math.floor(instant / days(1)) * days(1) + days(1),
      }),
    };
    for (const [, kind] of kinds) {
      const visitors = open(kind(), { period });
      await visitors.add("home", "ada");
      expect(await visitors.count("home", { last: days(3) })).toMatchObject({ count: 1 });
    }
  });

  it("hash each period with one salt, and tell of those who may be counted twice where it changes", async () => {
    // A rotation begins at midnight of a day whose number can be divided by ten.
    const start = Math.ceil(noon() / days(10)) * days(10);
    const hash = saltedHash({ salt: "s".repeat(32), rotate: days(10) });
    const stored = async (at: number) => {
      const name = new Date(at).toISOString().slice(0, 10);
      const [key = ""] = (await own()).filter((one) => one.endsWith(`1:${name}`) && !one.includes("merged"));
      return redis.send(["SMEMBERS", key]);
    };
    const visitors = open(exact(), { hash });
    for (const at of [start - 2 * hours(20), start - 1, start, start + days(1) - 1]) {
      await visitors.add("home", "ada", { at });
      expect(await hasMember(visitors, "home", "ada", { at })).toBe(true);
    }
    expect(await stored(start - 1)).toEqual(await stored(start - 2 * hours(20)));
    expect(await stored(start)).toEqual(await hash.hash(["ada"], start / days(10)));
    expect(await stored(start - 1)).not.toEqual(await stored(start));
    expect(await visitors.count("home", { at: start - 1, last: days(3) })).toEqual({
      count: 1,
      exact: true,
      errorBound: 0,
    });
    expect(await visitors.count("home", { at: start, last: days(3) })).toEqual({
      count: 2,
      exact: false,
      errorBound: 1,
    });
    const estimates = open(approximate(), { hash });
    expect(await estimates.count("home", { at: start, last: days(3) })).toMatchObject({
      errorBound: 1 + 2 * estimateBound,
    });
  });

  it("hash for the period that the server chooses, wherever a rotation ends", async () => {
    const length = seconds(1);
    const hash = saltedHash({ salt: "s".repeat(32), rotate: length });
    const visitors = open(exact(), { hash, period: every(length) });
    await Promise.all(Array.from({ length: 50 }, () => visitors.add("home", ["ada", "bob"])));
    for (const key of (await own()).filter((one) => one.includes(":set1:"))) {
      const rotation = Number(key.split(":").at(-1)) / length;
      const stored = await redis.send(["SMEMBERS", key]);
      expect(new Set(Array.isArray(stored) ? stored : [])).toEqual(new Set(await hash.hash(["ada", "bob"], rotation)));
    }
  });
});
