import { beforeAll, describe, expect, it } from "vitest";
import {
  createLeaderboard,
  every,
  firstToReach,
  type LeaderboardOptions,
  listByScore,
  rankAmong,
  rollingBoard,
  scoreAtPercentile,
  weekly,
} from "../../src/core/patterns/leaderboard/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer, texts } from "../../src/core/port/reply.ts";
import { days, minutes, seconds } from "../../src/core/time/duration.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("equal scores of a leaderboard", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<LeaderboardOptions> = {}) =>
    createLeaderboard(redis, { prefix: `${backend.prefix}:${(number += 1)}`, ...options });
  const keyOf = (layout: string, kind: string) => `leaderboard:${backend.prefix}:${number}:{x}:${layout}:${kind}`;
  const millisecond = async () => {
    const [second = "", micro = ""] = texts(await redis.send(["TIME"]));
    return Number(second) * 1_000 + Math.floor(Number(micro) / 1_000);
  };
  const membersOf = (entries: readonly { readonly member: string }[]) => entries.map(({ member }) => member);

  describe("where who reached a score first is ahead", () => {
    const week = Date.UTC(2026, 9, 19);
    const timed = (order: "descending" | "ascending" = "descending") =>
      open({ ties: firstToReach(), order, period: weekly(), ttl: days(4_000) });

    it.each(["descending", "ascending"] as const)("ranks by score, then by time: %s", async (order) => {
      const board = timed(order);
      const at = (second: number) => ({ at: week + seconds(second) });
      for (const [member, score, second] of [
        ["late", 7, 500_000],
        ["early", 7, 10],
        ["middle", 7, 100],
        ["other", 9, 604_799],
        ["zero", 0, 604_800 - 1],
      ] as const)
        expect(await board.set("x", member, score, at(second))).toMatchObject({ changed: true, score });
      const { entries } = await board.top("x", at(0));
      const ranked =
        order === "descending"
          ? ["other", "early", "middle", "late", "zero"]
          : ["zero", "early", "middle", "late", "other"];
      expect(membersOf(entries)).toEqual(ranked);
      expect(entries.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5]);
      expect(await board.get("x", "middle", at(0))).toMatchObject({ score: 7, rank: 3, percentile: 20 });
      // The same score again keeps its time, and so does a worse one that is turned away.
      expect(await board.set("x", "early", 7, at(600_000))).toEqual({ changed: false, score: 7, rank: 2 });
      const only = order === "descending" ? "higher" : "lower";
      expect(await board.set("x", "early", 7, { only, ...at(600_000) })).toMatchObject({ changed: false, rank: 2 });
      // A score that was lost and reached again has a new time.
      await board.increment("x", "early", 1, at(200));
      expect(await board.increment("x", "early", -1, at(600_000))).toEqual({ changed: true, score: 7, rank: 4 });
      expect(await scoreAtPercentile(board, "x", 50, at(0))).toBe(7);
      expect(membersOf((await listByScore(board, "x", { min: 6.5, max: 7.5, ...at(0) })).entries)).toHaveLength(3);
      expect((await listByScore(board, "x", { min: 10, ...at(0) })).entries).toEqual([]);
      expect((await listByScore(board, "x", { max: -1, ...at(0) })).entries).toEqual([]);
      expect(membersOf(await rankAmong(board, "x", ["late", "early", "middle"], at(0)))).toEqual([
        "middle",
        "late",
        "early",
      ]);
    });

    it("goes by the server's clock", async () => {
      const board = open({ ties: firstToReach({ unit: 1, length: days(2_000) }) });
      for (const member of ["z", "a", "m"]) {
        await board.set("x", member, 5);
        // The next one comes a millisecond later at least.
        const before = await millisecond();
        while ((await millisecond()) === before) continue;
      }
      expect(membersOf((await board.top("x")).entries)).toEqual(["z", "a", "m"]);
    });

    backend.it("goes on from page to page", async () => {
      const board = timed();
      const all = Array.from({ length: 12 }, (_, i) => `m${String(i).padStart(2, "0")}`);
      for (const [i, member] of all.entries()) await board.set("x", member, 100, { at: week + seconds(i) });
      const first = await board.top("x", { at: week, limit: 5 });
      await board.remove("x", "m04", { at: week });
      await board.set("x", "m00", 3, { at: week });
      const second = await board.top("x", { limit: 20, cursor: first.cursor });
      expect(membersOf([...first.entries, ...second.entries])).toEqual([...all, "m00"]);
    });

    it("composite beyond 2^53: a score without room is refused, and the highest one is exact", async () => {
      const board = timed();
      const highest = 2 ** 33 - 1;
      expect(await board.set("x", "ada", highest, { at: week })).toEqual({ changed: true, score: highest, rank: 1 });
      expect(await board.set("x", "bob", highest, { at: week + seconds(1) })).toMatchObject({ rank: 2 });
      expect((await board.top("x", { at: week })).entries.map(({ score }) => score)).toEqual([highest, highest]);
      for (const score of [highest + 1, -1, 0.5, 2 ** 53]) {
        const message = expect.stringContaining("`score` must be a whole number from 0 to 8589934591");
        await expect(board.set("x", "eve", score, { at: week })).rejects.toMatchObject({ code: "OPTION", message });
      }
      await expect(board.increment("x", "ada", 0.5, { at: week })).rejects.toMatchObject({ code: "OPTION" });
      await expect(board.increment("x", "ada", 1, { at: week })).rejects.toMatchObject({ code: "RANGE" });
      await expect(board.increment("x", "eve", -1, { at: week })).rejects.toMatchObject({ code: "RANGE" });
      expect(await board.count("x", { at: week })).toBe(2);
    });

    it.each<[string, () => unknown]>([
      ["maxScore", () => open({ ties: firstToReach({ maxScore: 2 ** 33 }), period: weekly() })],
      ["maxScore", () => open({ ties: firstToReach({ maxScore: 4_194_304 }) })],
      ["unit", () => open({ ties: firstToReach({ unit: 1 }), period: every(2 ** 53 - 1) })],
      ["unit", () => firstToReach({ unit: 0 })],
      ["from", () => firstToReach({ from: -1 })],
      ["length", () => firstToReach({ length: 0 })],
      ["maxScore", () => firstToReach({ maxScore: 1.5 })],
      ["options", () => firstToReach(5 as never)],
    ])("names at once what leaves no room: %s", (name, make) => {
      expect(make).toThrow(`\`${name}\``);
    });

    backend.it("has room for what it says it has", async () => {
      const board = open({ ties: firstToReach({ maxScore: 4_194_303 }) });
      expect(await board.set("x", "ada", 4_194_303)).toMatchObject({ score: 4_194_303 });
      open({ ties: firstToReach({ maxScore: 2 ** 33 - 1 }), period: weekly() });
      expect(() => rollingBoard(open({ ties: firstToReach(), period: weekly() }), { last: 2 })).toThrow("`board`");
    });

    backend.it("does not read what another unit or order has written", async () => {
      const prefix = `${backend.prefix}:units`;
      const one = createLeaderboard(redis, { prefix, ties: firstToReach() });
      await one.set("x", "ada", 5);
      for (const other of [
        { ties: firstToReach({ unit: minutes(1) }) },
        { ties: firstToReach({ from: 1 }) },
        { ties: firstToReach(), order: "ascending" as const },
      ])
        expect(await createLeaderboard(redis, { prefix, ...other }).count("x")).toBe(0);
    });
  });

  describe("where they share a dense rank", () => {
    /** A client may read a double of RESP3 with another last digit. */
    const scoreIn = (text: string | undefined) => Number(Number(text).toFixed(9));
    const levels = async () => {
      const rows = texts(await redis.send(["ZRANGE", keyOf("d1", "s"), 0, -1, "WITHSCORES"]));
      const held = new Set(rows.filter((_, i) => i % 2 === 1).map(scoreIn));
      const listed = texts(await redis.send(["ZRANGE", keyOf("d1", "l"), 0, -1])).map(scoreIn);
      return { held: [...held], listed };
    };

    backend.it("knows the distinct scores, whatever comes together", async () => {
      const board = open({ ties: "dense", keep: { length: 20 } });
      const calls = Array.from({ length: 70 }, (_, i) => {
        const member = `m${(i * 7) % 31}`;
        if (i % 5 === 0) return board.remove("x", member);
        return i % 3 === 0 ? board.increment("x", member, 0.1) : board.set("x", member, (i % 9) / 2 - 1);
      });
      await Promise.all(calls);
      const { held, listed } = await levels();
      expect(listed).toEqual(held);
    });

    it("knows a score however another version of Redis writes it", async () => {
      const board = open({ ties: "dense" });
      await board.set("x", "ada", 0.1);
      await board.increment("x", "bob", 0.1);
      await board.set("x", "eve", 0.3);
      const listed = texts(await redis.send(["ZRANGE", keyOf("d1", "l"), 0, -1]));
      expect(listed).toEqual(["0.10000000000000001", "0.29999999999999999"]);
      expect((await board.get("x", "bob"))?.rank).toBe(2);
    });

    it("falls back on the count of better members where the distinct scores were evicted", async () => {
      const board = open({ ties: "dense" });
      for (const [member, score] of [
        ["a", 3],
        ["b", 2],
        ["c", 2],
        ["d", 1],
      ] as const)
        await board.set("x", member, score);
      await redis.send(["DEL", keyOf("d1", "l")]);
      expect((await board.get("x", "d"))?.rank).toBe(4);
      expect((await board.top("x")).entries).toHaveLength(4);
    });

    backend.it(
      "TieRanking over a minute at 12k members (agoragames #70): a write among a thousand equals costs as few commands",
      async () => {
        const board = open({ ties: "dense" });
        const rows = Array.from({ length: 1_000 }, (_, i) => [7, `m${i}`]);
        await board.set("x", "first", 7);
        await redis.send(["ZADD", keyOf("d1", "s"), ...rows.flat()]);
        const counts = await backend.count(() => board.set("x", "m5", 8));
        expect(Object.values(counts).reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(12);
        expect(await board.get("x", "m6")).toMatchObject({ rank: 2 });
      },
    );
  });

  describe("what other libraries get wrong", () => {
    backend.it("limitTopN with low-to-high never trims (redis-rank)", async () => {
      const board = open({ order: "ascending", keep: { length: 3 } });
      for (let i = 0; i < 8; i += 1) await board.set("x", `m${i}`, i);
      expect(membersOf((await board.top("x")).entries)).toEqual(["m0", "m1", "m2"]);
      expect(await board.count("x")).toBe(3);
    });

    it("best truncates 3.7 to 3 (redis-rank)", async () => {
      const board = open();
      expect(await board.set("x", "ada", 3.7, { only: "higher" })).toEqual({ changed: true, score: 3.7, rank: 1 });
      expect(await board.set("x", "ada", 3.9, { only: "higher" })).toEqual({ changed: true, score: 3.9, rank: 1 });
      expect(await board.set("x", "ada", 3.8, { only: "higher" })).toEqual({ changed: false, score: 3.9, rank: 1 });
    });

    backend.it("update and trim not atomic (redis-rank): no reader ever sees a board that is too long", async () => {
      const board = open({ keep: { length: 5 } });
      const scores = Array.from({ length: 50 }, (_, i) => (i * 37) % 101);
      const best = scores.toSorted((one, two) => two - one).slice(0, 5);
      const writing = scores.map((score, i) => board.set("x", `m${i}`, score));
      const reading = Array.from({ length: 20 }, () => board.count("x"));
      const sizes = await Promise.all(reading);
      await Promise.all(writing);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(5);
      expect((await board.top("x")).entries.map(({ score }) => score)).toEqual(best);
    });

    it.each(["ordinal", "competition", "dense"] as const)("score 0 unranked (agoragames #53): %s", async (ties) => {
      const board = open({ ties });
      await board.set("x", "low", -1);
      expect(await board.set("x", "zero", 0)).toEqual({ changed: true, score: 0, rank: 1 });
      expect(await board.get("x", "zero")).toMatchObject({ rank: 1, score: 0 });
      expect(await board.increment("x", "new", 0)).toMatchObject({ changed: true, score: 0 });
    });

    backend.it(
      "members from rank range wrong for ties (agoragames #64, python #54, #25): a page has its size and everybody once",
      async () => {
        for (const ties of ["competition", "dense"] as const) {
          const board = open({ ties });
          for (const [i, score] of [50, 50, 50, 40, 40, 30, 20].entries()) await board.set("x", `m${i}`, score);
          const pages = [];
          for (let cursor: string | null = null; ;) {
            const page = await board.top("x", { limit: 2, cursor });
            pages.push(page.entries.map(({ rank }) => rank));
            ({ cursor } = page);
            if (cursor === null) break;
          }
          expect(pages).toEqual(ties === "competition" ? [[1, 1], [1, 4], [4, 6], [7]] : [[1, 1], [1, 2], [2, 3], [4]]);
          expect((await board.around("x", "m3", { limit: 3 })).map(({ rank }) => rank)).toEqual(
            ties === "competition" ? [4, 4, 6] : [2, 2, 3],
          );
        }
      },
    );

    backend.it(
      "rank_member_if reads, then writes (agoragames): of scores that come together the best one stays",
      async () => {
        for (const only of ["higher", "lower"] as const) {
          const board = open();
          const scores = Array.from({ length: 50 }, (_, i) => ((i * 37) % 101) - 50);
          const placings = await Promise.all(scores.map((score) => board.set("x", "ada", score, { only })));
          const best = only === "higher" ? Math.max(...scores) : Math.min(...scores);
          expect(await board.get("x", "ada")).toMatchObject({ score: best });
          expect(placings.some(({ changed, score }) => changed && score === best)).toBe(true);
        }
      },
    );

    it("member data that outlives its board (agoragames): it goes with the board, the member and the cap", async () => {
      const board = open({ ttl: minutes(1), keep: { length: 1 } });
      await board.set("x", "ada", 1, { data: "Ada" });
      await board.set("x", "bob", 2, { data: "Bob" });
      expect(await redis.send(["HKEYS", keyOf("p1", "m")])).toEqual(["bob"]);
      expect(integer(await redis.send(["PTTL", keyOf("p1", "m")]))).toBeGreaterThan(0);
      await board.remove("x", "bob");
      expect(await redis.send(["EXISTS", keyOf("p1", "m")])).toBe(0);
    });
  });
});
