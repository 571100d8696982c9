import { beforeAll, describe, expect, it } from "vitest";
import {
  createLeaderboard,
  daily,
  every,
  type LeaderboardOptions,
  listByScore,
  monthly,
  type Period,
  rollingBoard,
  scoreAtPercentile,
  weekly,
} from "../../src/core/patterns/leaderboard/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer, texts } from "../../src/core/port/reply.ts";
import { days, hours, minutes, seconds } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("leaderboards of periods", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<LeaderboardOptions> = {}, port = redis) =>
    createLeaderboard(port, { prefix: `${backend.prefix}:${(number += 1)}`, ...options });
  const own = async () =>
    (await backend.keys()).filter((key) => key.startsWith(`leaderboard:${backend.prefix}:${number}:`));
  const serverNow = async () => {
    const [second = "", micro = ""] = texts(await redis.send(["TIME"]));
    return Number(second) * 1_000 + Math.floor(Number(micro) / 1_000);
  };
  const boardNames = async () =>
    (await own()).filter((key) => key.includes(":p1:s:")).map((key) => key.replace(/^.*:p1:s:/, ""));

  it("has a board for each period, and reads past ones by an instant", async () => {
    const board = open({ period: every(days(1)), ttl: days(400) });
    const now = await serverNow();
    await board.set("x", "ada", 1);
    await board.set("x", "ada", 7, { at: now - days(1) });
    await board.increment("x", "bob", 9, { at: now - days(1) });
    expect(await board.get("x", "ada")).toMatchObject({ score: 1, rank: 1 });
    expect(await board.get("x", "ada", { at: now })).toMatchObject({ score: 1 });
    expect(await board.get("x", "ada", { at: now - days(1) })).toMatchObject({ score: 7, rank: 2 });
    expect(await board.count("x", { at: now - days(1) })).toBe(2);
    expect(await board.count("x")).toBe(1);
    expect((await board.top("x", { at: now - days(1) })).entries).toHaveLength(2);
    expect(await board.around("x", "ada", { at: now - days(1) })).toHaveLength(2);
    expect(await board.getMany("x", ["bob"], { at: now - days(1) })).toMatchObject([{ score: 9 }]);
    expect((await listByScore(board, "x", { min: 8, at: now - days(1) })).entries).toHaveLength(1);
    expect(await scoreAtPercentile(board, "x", 100, { at: now - days(1) })).toBe(9);
    expect(await board.remove("x", "bob", { at: now - days(1) })).toBe(true);
    expect(await board.count("x", { at: now + days(1) })).toBe(0);
  });

  it("has no space in the names of its keys", async () => {
    const board = open({ period: every(hours(1)), ttl: days(1) });
    await board.increment("x", "ada", 1, { requestId: "r" });
    const keys = await own();
    expect(keys.filter((key) => key.includes("every-3600000"))).toHaveLength(1);
    expect(keys.filter((key) => /\s/.test(key))).toEqual([]);
  });

  it("no TTL on periodic keys (redis-rank): each key ends a fixed time after its period, however often it is written", async () => {
    const period = every(hours(1));
    const ttl = hours(2);
    const board = open({ period, ttl, ties: "dense" });
    const { start } = period.at(await serverNow());
    for (const at of [start - 1, start, start + hours(1)]) {
      await board.set("x", "ada", 1, { at, data: 1 });
      await board.increment("x", "ada", 1, { at });
    }
    const keys = (await own()).filter((key) => key.includes("}:d1:"));
    expect(keys).toHaveLength(9);
    for (const key of keys) {
      const began = Number(/:(\d+)$/.exec(key)?.[1]);
      const ends = (await serverNow()) + integer(await redis.send(["PTTL", key]));
      expect(Math.abs(ends - (began + hours(1) + ttl))).toBeLessThan(seconds(30));
    }
  });

  it("does not bring back a board whose time is over", async () => {
    const board = open({ period: every(hours(1)), ttl: minutes(1) });
    const long = (await serverNow()) - hours(3);
    expect(await board.set("x", "ada", 5, { at: long })).toEqual({ changed: false, score: 5, rank: null });
    expect(await board.increment("x", "ada", 5, { at: long })).toEqual({ changed: false, score: 5, rank: null });
    expect(await own()).toEqual([]);
  });

  backend.it(
    "weekly key equal in TZ=Asia/Tokyo and UTC (redis-rank): no zone but the one that is named has a say",
    async () => {
      // Sunday evening in UTC, Monday morning in Tokyo.
      const sunday = Date.UTC(2026, 9, 25, 20);
      const zones: readonly [Period, string][] = [
        [weekly(), "2026-W43"],
        [weekly({ timeZone: "Asia/Tokyo" }), "2026-W44@Asia/Tokyo"],
        [weekly({ timeZone: "America/New_York" }), "2026-W43@America/New_York"],
        [daily({ timeZone: "Asia/Tokyo" }), "2026-10-26@Asia/Tokyo"],
        [monthly(), "2026-10"],
      ];
      const { TZ } = (globalThis as { process?: { env: Record<string, string | undefined> } }).process?.env ?? {};
      for (const [period, name] of zones) {
        for (const zone of ["Asia/Tokyo", "UTC"]) {
          const { env } = (globalThis as { process?: { env: Record<string, string | undefined> } }).process ?? {};
          if (env) env["TZ"] = zone;
          const board = open({ period, ttl: days(4_000) });
          await board.set("x", "ada", 1, { at: sunday });
          expect(await boardNames()).toEqual([name]);
          if (env) {
            if (TZ === undefined) delete env["TZ"];
            else env["TZ"] = TZ;
          }
        }
      }
    },
  );

  it.each<[string, Period, readonly (readonly [instant: string, name: string])[]]>([
    [
      "the day of 25 hours in Berlin",
      daily({ timeZone: "Europe/Berlin" }),
      [
        ["2026-10-24T21:59:59.999Z", "2026-10-24@Europe/Berlin"],
        ["2026-10-24T22:00:00.000Z", "2026-10-25@Europe/Berlin"],
        ["2026-10-25T22:59:59.999Z", "2026-10-25@Europe/Berlin"],
        ["2026-10-25T23:00:00.000Z", "2026-10-26@Europe/Berlin"],
      ],
    ],
    [
      "week 53 of 2026, which ends in 2027",
      weekly(),
      [
        ["2026-12-27T23:59:59.999Z", "2026-W52"],
        ["2026-12-28T00:00:00.000Z", "2026-W53"],
        ["2027-01-03T23:59:59.999Z", "2026-W53"],
        ["2027-01-04T00:00:00.000Z", "2027-W01"],
      ],
    ],
    [
      "months, whose names begin with 1 for January",
      monthly(),
      [
        ["2026-01-31T23:59:59.999Z", "2026-01"],
        ["2026-02-01T00:00:00.000Z", "2026-02"],
      ],
    ],
  ])("puts scores into the board of their instant: %s", async (_, period, instants) => {
    const board = open({ period, ttl: days(4_000) });
    const expected: Record<string, string[]> = {};
    for (const [instant, name] of instants) {
      await board.set("x", instant, 1, { at: Date.parse(instant) });
      expected[name] = [...(expected[name] ?? []), instant].toSorted().toReversed();
    }
    const found: Record<string, string[]> = {};
    for (const name of await boardNames()) {
      found[name] = texts(
        await redis.send(["ZREVRANGE", `leaderboard:${backend.prefix}:${number}:{x}:p1:s:${name}`, 0, -1]),
      );
    }
    expect(found).toEqual(expected);
  });

  backend.itHasOwnClock("is chosen by the server's clock, wherever the caller's is", async () => {
    const board = open({ period: every(hours(1)), ttl: days(1) });
    const actual = Date.now;
    for (const wrong of [-days(30), days(30), 0]) {
      Date.now = () => actual() + wrong;
      try {
        await board.increment("x", "ada", 1);
        expect(await board.get("x", "ada")).not.toBeNull();
        const window = rollingBoard(board, { last: 3, maxStaleness: 1 });
        expect((await window.top("x")).entries).toHaveLength(1);
      } finally {
        Date.now = actual;
      }
    }
    expect(await board.get("x", "ada")).toMatchObject({ score: 3 });
  });

  it("makes a change once also where its repetition comes in the next period", async () => {
    const port = withFaults(redis, { only: ([name]) => name.startsWith("EVAL") });
    let shift = 0;
    // Two periods that a caller can choose between, as if midnight passed.
    const sides: Period = {
      name: "sides",
      at: (instant) => {
        const start = Math.floor((instant - shift) / days(1)) * days(1) + shift;
        return { name: `${start}`, start, end: start + days(1) };
      },
    };
    const board = open({ period: sides, ttl: days(2) }, port);
    const first = await board.increment("x", "ada", 1, { requestId: "one" });
    shift = hours(13);
    expect(await board.increment("x", "ada", 1, { requestId: "one" })).toEqual(first);
    expect(await boardNames()).toHaveLength(1);
  });

  it("counts one request on the board of each day and on that of each week, and on boards of other ties, under one prefix", async () => {
    const prefix = `${backend.prefix}:several`;
    const boards = [
      createLeaderboard(redis, { prefix, period: daily() }),
      createLeaderboard(redis, { prefix, period: weekly() }),
      createLeaderboard(redis, { prefix, period: daily({ timeZone: "Asia/Tokyo" }) }),
      createLeaderboard(redis, { prefix, period: daily(), ties: "dense" }),
      createLeaderboard(redis, { prefix }),
    ];
    for (const board of [...boards, ...boards]) await board.increment("x", "ada", 5, { requestId: "one" });
    const scores = await Promise.all(boards.map(async (board) => (await board.get("x", "ada"))?.score));
    expect(scores).toEqual([5, 5, 5, 5, 5]);
  });

  it("counts one request for each member: one match gives points to both of its players", async () => {
    const board = createLeaderboard(redis, { prefix: `${backend.prefix}:match` });
    const call = { requestId: "match:1" };
    for (const _ of [1, 2]) {
      expect(await board.increment("x", "ada", 3, call)).toMatchObject({ score: 3 });
      expect(await board.increment("x", "bob", -1, call)).toMatchObject({ score: -1 });
      // Where the name of a member ends, and that of the request begins, is not in doubt.
      expect(await board.increment("x", "ada:3:bob", 5, call)).toMatchObject({ score: 5 });
      expect(await board.increment("x", "ada", 1, { requestId: "3:bob:match:1" })).toMatchObject({ score: 4 });
      expect(await board.set("x", "eve", 7, call)).toMatchObject({ score: 7 });
      expect(await board.set("x", "kim", 8, call)).toMatchObject({ score: 8 });
    }
    expect(await board.set("x", "kim", 9, call)).toMatchObject({ score: 8 });
    expect([await board.remove("x", "eve", call), await board.remove("x", "kim", call)]).toEqual([true, true]);
    expect(await board.increment("x", "ada", 3, call)).toMatchObject({ score: 3 });
    expect((await board.get("x", "ada"))?.score).toBe(4);
  });

  it("has pages of a day that begins before 1970 in UTC, too", async () => {
    const prefix = `${backend.prefix}:permanent-first`;
    const board = createLeaderboard(redis, { prefix, ttl: "permanent", period: daily({ timeZone: "Europe/Berlin" }) });
    for (const member of ["ada", "bob"]) await board.increment("x", member, 1, { at: 0 });
    const { cursor } = await board.top("x", { limit: 1, at: 0 });
    expect((await board.top("x", { limit: 1, cursor })).entries).toMatchObject([{ member: "ada" }]);
  });

  backend.it("goes on with the pages of the period that the first one was of", async () => {
    const board = open({ period: every(hours(1)), ttl: days(1) });
    const before = (await serverNow()) - hours(1);
    for (let i = 0; i < 7; i += 1) await board.set("x", `m${i}`, i, { at: before });
    await board.set("x", "now", 100);
    const first = await board.top("x", { at: before, limit: 4 });
    const second = await board.top("x", { limit: 4, cursor: first.cursor });
    expect([...first.entries, ...second.entries].map(({ score }) => score)).toEqual([6, 5, 4, 3, 2, 1, 0]);
    expect(second.cursor).toBeNull();
    for (const cursor of [":1:m1", "9999999999999999:1:m1"])
      await expect(board.top("x", { cursor })).rejects.toMatchObject({ code: "OPTION" });
  });

  it.each<[string, object]>([
    ["at", { at: -1 }],
    ["at", { at: 1.5 }],
    ["at", { at: Number.MAX_SAFE_INTEGER }],
    ["at", { at: null }],
    ["at", { at: "2026" }],
  ])("refuses `%s` that is no instant: %j", async (name, options) => {
    for (const period of [daily(), every(7)]) {
      const board = open({ period });
      const message = expect.stringContaining(`\`${name}\``);
      await expect(board.top("x", options)).rejects.toMatchObject({ code: "OPTION", message });
      await expect(board.set("x", "a", 1, options)).rejects.toMatchObject({ code: "OPTION", message });
    }
  });

  describe("a window that rolls over the last ones", () => {
    const fill = async (options: Partial<LeaderboardOptions> = {}) => {
      const board = open({ period: every(days(1)), ttl: days(99), ...options });
      const now = await serverNow();
      for (const [ago, scores] of [
        [0, { ada: 1, bob: 5 }],
        [1, { ada: 10, eve: 3 }],
        [2, { ada: 100, bob: 2 }],
        [3, { ada: 1_000 }],
      ] as const) {
        for (const [member, score] of Object.entries(scores))
          await board.set("x", member, score, { at: now - days(ago) });
      }
      return { board, now };
    };

    const sums = [
      ["sum", 3, ["ada 111", "bob 7", "eve 3"]],
      ["max", 3, ["ada 100", "bob 5", "eve 3"]],
      ["min", 3, ["eve 3", "bob 2", "ada 1"]],
      ["sum", 1, ["bob 5", "ada 1"]],
      ["sum", 4, ["ada 1111", "bob 7", "eve 3"]],
      ["sum", 100, ["ada 1111", "bob 7", "eve 3"]],
    ] as const;
    it.each(backend.share(sums))("takes the %s of the last %d", async (combine, last, expected) => {
      const { board } = await fill();
      const window = rollingBoard(board, { last, combine });
      const { entries } = await window.top("x");
      expect(entries.map(({ member, score }) => `${member} ${score}`)).toEqual(expected);
      expect(entries.map(({ rank }) => rank)).toEqual(expected.map((_, i) => i + 1));
      const third = await window.get("x", "ada");
      expect(third).toMatchObject({ score: entries.find(({ member }) => member === "ada")?.score, data: null });
      expect(await window.around("x", "bob", { limit: 1 })).toMatchObject([{ member: "bob" }]);
      expect(await window.getMany("x", ["nobody", "ada"])).toMatchObject([null, { member: "ada" }]);
    });

    backend.it("ends where it is told to", async () => {
      const { board, now } = await fill();
      const window = rollingBoard(board, { last: 2 });
      const { entries } = await window.top("x", { at: now - days(2) });
      expect(entries.map(({ member, score }) => `${member} ${score}`)).toEqual(["ada 1100", "bob 2"]);
    });

    it("is merged once for a while, in one trip", async () => {
      const { board } = await fill({ ties: "competition", order: "ascending" });
      const window = rollingBoard(board, { last: 3, maxStaleness: seconds(40) });
      const first = await backend.count(() => window.top("x", { limit: 2 }));
      expect(first).toMatchObject({ zunionstore: 1, pexpire: 1 });
      const second = await backend.count(() => window.top("x", { limit: 2 }));
      expect(second).toEqual({ evalsha: 1, time: 1, exists: 1, zrange: 1, zcount: 1 });
      await board.set("x", "new", -1);
      expect((await window.top("x")).entries).toHaveLength(3);
      const cached = (await own()).filter((key) => key.includes(":p1:r:"));
      expect(cached).toHaveLength(1);
      const ttl = integer(await redis.send(["PTTL", cached[0] ?? ""]));
      expect(ttl).toBeGreaterThan(0);
      expect(ttl).toBeLessThanOrEqual(seconds(40));
      const fresh = rollingBoard(board, { last: 3, maxStaleness: seconds(39) });
      expect((await fresh.top("x")).entries).toHaveLength(4);
    });

    backend.it("has pages", async () => {
      const { board } = await fill();
      const window = rollingBoard(board, { last: 3 });
      const first = await window.top("x", { limit: 2 });
      const second = await window.top("x", { limit: 2, cursor: first.cursor });
      expect(second).toMatchObject({ entries: [{ member: "eve", rank: 3 }], cursor: null });
    });

    it.each<[string, Period, number, number]>([
      ["days", daily(), 7, days(6)],
      ["days of a zone whose clocks change", daily({ timeZone: "Europe/Berlin" }), 7, days(6) + hours(1)],
      [
        "days of a zone where summer is in January",
        daily({ timeZone: "Australia/Lord_Howe" }),
        2,
        days(1) + minutes(30),
      ],
      ["weeks", weekly(), 3, days(14)],
      ["weeks of a zone", weekly({ timeZone: "America/New_York" }), 3, days(14) + hours(1)],
      ["months", monthly(), 2, days(31)],
      ["quarters of an hour", every(minutes(15)), 100, minutes(15 * 99)],
    ])("refuses boards whose `ttl` cannot keep the oldest of its %s", (_, period, last, least) => {
      const roll = (ttl: LeaderboardOptions["ttl"], count = last) =>
        rollingBoard(open({ period, ttl }), { last: count });
      expect(() => roll(least - 1)).toThrow(expect.objectContaining({ code: "OPTION" }));
      expect(() => roll(least - 1)).toThrow(/`ttl` of the board.*`last`/);
      for (const ttl of [least, "permanent"] as const) expect(() => roll(ttl)).not.toThrow();
      expect(() => roll(1, 1)).not.toThrow();
    });

    it.each<[string, object, object]>([
      ["ttl", { period: daily() }, { last: 7 }],
      ["last", { period: daily() }, { last: 101 }],
      ["last", { period: daily() }, { last: 0 }],
      ["combine", { period: daily() }, { last: 2, combine: "avg" }],
      ["maxStaleness", { period: daily() }, { last: 2, maxStaleness: 0 }],
      ["options", { period: daily() }, 7 as never],
      ["board", {}, { last: 2 }],
      ["board", { period: daily(), ties: "dense" }, { last: 2 }],
    ])("refuses a wrong `%s`", (name, options, rolling) => {
      expect(() => rollingBoard(open(options), rolling as never)).toThrow(`\`${name}\``);
    });
  });
});
