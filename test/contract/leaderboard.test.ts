import { beforeAll, describe, expect, it } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import {
  clearBoard,
  createLeaderboard,
  firstToReach,
  type LeaderboardOptions,
  listByScore,
  rankAmong,
  scoreAtPercentile,
} from "../../src/core/patterns/leaderboard/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("a leaderboard", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<LeaderboardOptions> = {}, port = redis) =>
    createLeaderboard<{ name: string }>(port, { prefix: `${backend.prefix}:${(number += 1)}`, ...options });
  const own = async () =>
    (await backend.keys()).filter((key) => key.startsWith(`leaderboard:${backend.prefix}:${number}:`));
  const membersOf = (entries: readonly { readonly member: string }[]) => entries.map(({ member }) => member);

  it("sets, adds and removes, and tells the score and the rank that a member has then", async () => {
    const board = open();
    expect(await board.set("chess", "ada", 10)).toEqual({ changed: true, score: 10, rank: 1 });
    expect(await board.set("chess", "bob", 12.5)).toEqual({ changed: true, score: 12.5, rank: 1 });
    expect(await board.set("chess", "bob", 12.5)).toEqual({ changed: false, score: 12.5, rank: 1 });
    expect(await board.increment("chess", "ada", -15)).toEqual({ changed: true, score: -5, rank: 2 });
    expect(await board.increment("chess", "eve", 1)).toEqual({ changed: true, score: 1, rank: 2 });
    expect(await board.increment("chess", "eve", 0)).toEqual({ changed: false, score: 1, rank: 2 });
    expect(await board.count("chess")).toBe(3);
    expect(await board.remove("chess", "bob")).toBe(true);
    expect(await board.remove("chess", "bob")).toBe(false);
    expect(membersOf((await board.top("chess")).entries)).toEqual(["eve", "ada"]);
    expect(await board.get("chess", "bob")).toBeNull();
    expect(await board.count("nothing")).toBe(0);
    expect(await board.top("nothing")).toEqual({ entries: [], cursor: null });
    expect(await board.around("nothing", "ada")).toEqual([]);
  });

  backend.it("gives rank, score, data and percentile", async () => {
    const board = open();
    for (const [i, member] of ["a", "b", "c", "d"].entries()) await board.set("x", member, i);
    await board.set("x", "d", 3, { data: { name: "Dee" } });
    expect(await board.get("x", "d")).toEqual({
      member: "d",
      rank: 1,
      score: 3,
      data: { name: "Dee" },
      percentile: 75,
    });
    expect(await board.get("x", "a")).toEqual({ member: "a", rank: 4, score: 0, data: null, percentile: 0 });
    expect(await board.getMany("x", ["c", "nobody", "d"])).toEqual([
      { member: "c", rank: 2, score: 2, data: null },
      null,
      { member: "d", rank: 1, score: 3, data: { name: "Dee" } },
    ]);
    expect((await board.top("x", { limit: 2 })).entries).toEqual([
      { member: "d", rank: 1, score: 3, data: { name: "Dee" } },
      { member: "c", rank: 2, score: 2, data: null },
    ]);
    expect(await board.getMany("x", [])).toEqual([]);
  });

  it("keeps the higher or the lower score, with the data of that one", async () => {
    const board = open();
    await board.set("x", "ada", 3.7, { data: { name: "first" } });
    const lower = await board.set("x", "ada", 3.2, { only: "higher", data: { name: "second" } });
    expect(lower).toEqual({ changed: false, score: 3.7, rank: 1 });
    expect(await board.get("x", "ada")).toMatchObject({ score: 3.7, data: { name: "first" } });
    expect(await board.set("x", "ada", 2, { only: "lower" })).toMatchObject({ changed: true, score: 2 });
    expect(await board.set("x", "bob", -1, { only: "lower" })).toMatchObject({ changed: true, score: -1, rank: 2 });
    expect(await board.set("x", "ada", 2, { only: "higher" })).toMatchObject({ changed: false, score: 2 });
  });

  it("never loses the best of scores that come together, nor points that are added together", async () => {
    const board = open();
    const scores = Array.from({ length: 40 }, (_, i) => (i * 37) % 41);
    await Promise.all(scores.map((score) => board.set("x", "ada", score, { only: "higher" })));
    await Promise.all(scores.map(() => board.increment("x", "bob", 0.5)));
    expect(await board.get("x", "ada")).toMatchObject({ score: 40 });
    expect(await board.get("x", "bob")).toMatchObject({ score: 20 });
  });

  describe("with equal scores", () => {
    const scores = { a: 9, b: 7, c: 7, d: 7, e: 0, f: -3.5 };
    it.each([
      ["ordinal", [1, 2, 3, 4, 5, 6]],
      ["competition", [1, 2, 2, 2, 5, 6]],
      ["dense", [1, 2, 2, 2, 3, 4]],
    ] as const)("gives %s ranks", async (ties, ranks) => {
      const board = open({ ties });
      for (const [member, score] of Object.entries(scores)) await board.set("x", member, score);
      const { entries } = await board.top("x");
      expect(entries.map(({ rank }) => rank)).toEqual(ranks);
      const alone = await Promise.all(entries.map(({ member }) => board.get("x", member)));
      expect(alone.map((entry) => entry?.rank)).toEqual(ranks);
      const again = await board.set("x", "c", 7);
      expect(again.rank).toBe(entries.find(({ member }) => member === "c")?.rank);
      // Whoever is level is not behind: the percentile does not depend on the ranks.
      expect(alone.map((entry) => Math.round((entry?.percentile ?? 0) * 6))).toEqual([500, 200, 200, 200, 100, 0]);
      const low = open({ ties, order: "ascending" });
      for (const [member, score] of Object.entries(scores)) await low.set("x", member, -score);
      expect((await low.top("x")).entries.map(({ rank }) => rank)).toEqual(ranks);
    });
  });

  it.each(["descending", "ascending"] as const)(
    "keeps the best of a capped board, %s, and nothing of the others",
    async (order) => {
      const sign = order === "descending" ? 1 : -1;
      const board = open({ order, keep: { length: 3 }, ties: "dense" });
      for (const score of [5, 1, 3]) await board.set("x", `m${score}`, sign * score, { data: { name: `${score}` } });
      expect(await board.set("x", "m0", 0, { data: { name: "0" } })).toEqual({ changed: false, score: 0, rank: null });
      expect(await board.set("x", "m4", sign * 4)).toEqual({ changed: true, score: sign * 4, rank: 2 });
      expect(membersOf((await board.top("x")).entries)).toEqual(["m5", "m4", "m3"]);
      // Who falls by its own change leaves no more than the others.
      expect(await board.increment("x", "m5", sign * -9)).toMatchObject({ changed: true, rank: 3 });
      expect(await board.set("x", "m6", sign * 6)).toMatchObject({ rank: 1 });
      expect(await board.get("x", "m5")).toBeNull();
      expect(await board.count("x")).toBe(3);
      const sizes = await Promise.all(
        (await own()).map(async (key) => [key.replace(/.*d1:/, ""), await sizeOf(key)] as const),
      );
      expect(Object.fromEntries(sizes.filter(([key]) => key.length === 1))).toEqual({ s: 3, m: 1, l: 3 });
    },
  );

  const sizeOf = async (key: string) => {
    const count = { s: "ZCARD", l: "ZCARD", m: "HLEN" }[key.slice(-1)];
    return count && /d1:.$/.test(key) ? integer(await redis.send([count, key])) : 0;
  };

  backend.it("becomes as short as it may be, bit by bit, where it was allowed to be longer", async () => {
    const long = open();
    await long.set("x", "m0", 0);
    const lines = Array.from({ length: 1_204 }, (_, i) => [i + 1, `m${i + 1}`]);
    await redis.send(["ZADD", `leaderboard:${backend.prefix}:${number}:{x}:p1:s`, ...lines.flat()]);
    const short = createLeaderboard(redis, { prefix: `${backend.prefix}:${number}`, keep: { length: 10 } });
    await short.set("x", "m1204", 2_000);
    expect(await short.count("x")).toBe(705);
    await short.set("x", "m1204", 2_001);
    expect(await short.count("x")).toBe(205);
    await short.set("x", "m1204", 2_002);
    expect(await short.count("x")).toBe(10);
    expect((await short.top("x", { limit: 10 })).entries.at(-1)?.score).toBe(1_195);
  });

  backend.it("gives the entries around a member, a whole page wherever the board has one", async () => {
    const board = open({ ties: "competition" });
    await Promise.all(Array.from({ length: 9 }, (_, i) => board.set("x", `m${i}`, i)));
    const around = async (member: string, limit: number) =>
      (await board.around("x", member, { limit })).map(({ rank }) => rank);
    expect(await around("m4", 3)).toEqual([4, 5, 6]);
    expect(await around("m8", 3)).toEqual([1, 2, 3]);
    expect(await around("m0", 3)).toEqual([7, 8, 9]);
    expect(await around("m0", 20)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(await around("nobody", 3)).toEqual([]);
  });

  backend.it("lists a range of scores, with the ranks on the whole board", async () => {
    for (const order of ["descending", "ascending"] as const) {
      const board = open({ order, ties: "competition" });
      for (const score of [-2, 0, 1, 1, 2.5, 7]) await board.set("x", `m${score}${await board.count("x")}`, score);
      const list = async (range: object) =>
        (await listByScore(board, "x", range)).entries.map(({ rank, score }) => `${rank}:${score}`);
      const found = await list({ min: 0, max: 2.5 });
      expect(found).toEqual(order === "descending" ? ["2:2.5", "3:1", "3:1", "5:0"] : ["2:0", "3:1", "3:1", "5:2.5"]);
      expect(await list({ min: 8 })).toEqual([]);
      expect(await list({ max: -3 })).toEqual([]);
      expect(await list({})).toHaveLength(6);
      const first = await listByScore(board, "x", { min: 0, max: 2.5, limit: 3 });
      const second = await listByScore(board, "x", { min: 0, max: 2.5, limit: 3, cursor: first.cursor });
      expect([...first.entries, ...second.entries].map(({ rank, score }) => `${rank}:${score}`)).toEqual(found);
      expect(second.cursor).toBeNull();
    }
  });

  backend.it("ranks a list of members among themselves", async () => {
    const members = ["c", "e", "a", "nobody", "d", "a"];
    for (const [ties, ranks] of [
      ["ordinal", [1, 2, 3, 4]],
      ["competition", [1, 2, 2, 4]],
      ["dense", [1, 2, 2, 3]],
    ] as const) {
      const board = open({ ties });
      for (const [member, score] of Object.entries({ a: 9, b: 8, c: 7, d: 7, e: 1 }))
        await board.set("x", member, score);
      const entries = await rankAmong(board, "x", members);
      expect(entries.map(({ rank }) => rank)).toEqual(ranks);
      expect(entries.map(({ score }) => score)).toEqual([9, 7, 7, 1]);
    }
  });

  backend.it("tells the score at a percentile", async () => {
    for (const order of ["descending", "ascending"] as const) {
      const board = open({ order });
      expect(await scoreAtPercentile(board, "x", 50)).toBeNull();
      await Promise.all(Array.from({ length: 10 }, (_, i) => board.set("x", `m${i}`, i)));
      const at = [0, 50, 51, 90, 100].map((percentile) => scoreAtPercentile(board, "x", percentile));
      expect(await Promise.all(at)).toEqual(order === "descending" ? [0, 4, 5, 8, 9] : [9, 5, 4, 1, 0]);
    }
  });

  describe("page by page", () => {
    const walk = async (board: ReturnType<typeof open>, between: () => Promise<unknown>, limit = 3) => {
      const seen: string[] = [];
      for (let cursor: string | null = null, page = 0; ; page += 1) {
        const found = await board.top("x", { limit, cursor });
        seen.push(...membersOf(found.entries));
        ({ cursor } = found);
        if (cursor === null) return seen;
        if (page === 0) await between();
      }
    };
    const many = async (board: ReturnType<typeof open>) => {
      // Every third has the score of its neighbours.
      const all = Array.from({ length: 18 }, (_, i) => `m${String(i).padStart(2, "0")}`);
      await Promise.all(all.map((member, i) => board.set("x", member, Math.floor(i / 3) * 3)));
      return membersOf((await board.top("x", { limit: 18 })).entries);
    };

    it.each(["descending", "ascending"] as const)(
      "nobody whose score stays is shown twice or left out, whoever comes and goes: %s",
      async (order) => {
        const board = open({ order, ties: "competition" });
        const all = await many(board);
        expect(await walk(board, async () => {})).toEqual(all);
        // The last one of the first page goes, then others come ahead of it, among its equals and behind it.
        const [first = "", second = "", third = ""] = all;
        const seen = await walk(board, async () => {
          await board.remove("x", third);
          await board.set("x", "new ahead", order === "descending" ? 1_000 : -1_000);
          await board.set("x", `${third}-`, (await board.get("x", second))?.score ?? 0);
          await board.remove("x", first);
        });
        const rest = seen.filter((member) => !member.endsWith("-"));
        expect(rest).toEqual(all);
        expect(new Set(seen).size).toBe(seen.length);
      },
    );

    backend.it("finds the place of a member that has gone among a hundred equal scores by halves", async () => {
      const board = open();
      const all = Array.from({ length: 100 }, (_, i) => `é${"x".repeat(i % 5)}${i}`);
      await Promise.all(all.map((member) => board.set("x", member, 7)));
      const whole = membersOf((await board.top("x", { limit: 100 })).entries);
      const { cursor } = await board.top("x", { limit: 37 });
      await board.remove("x", whole[36] ?? "");
      const counts = await backend.count(async () => {
        const { entries } = await board.top("x", { limit: 100, cursor });
        expect(membersOf(entries)).toEqual(whole.slice(37));
      });
      expect(counts["zrevrange"]).toBeLessThanOrEqual(8);
    });

    backend.it("goes on where a member was that has another score now", async () => {
      const board = open();
      const all = await many(board);
      const { cursor } = await board.top("x", { limit: 4 });
      await board.set("x", all[3] ?? "", -50);
      const { entries } = await board.top("x", { limit: 50, cursor });
      expect(membersOf(entries)).toEqual([...all.slice(4), all[3]]);
    });

    it("refuses a cursor that no page gave", async () => {
      const board = open();
      for (const cursor of [
        "x",
        "",
        "1:2",
        ":NaN:a",
        "::a",
        ":1:",
        ":e:a",
        "5:1:a",
        ":1e999:a",
        `:1:${"m".repeat(1_025)}`,
        "9999999999999999999:1:a",
      ])
        await expect(board.top("x", { cursor })).rejects.toMatchObject({ code: "OPTION" });
      await expect(board.top("x", { cursor: 5 as never })).rejects.toMatchObject({ code: "OPTION" });
    });
  });

  describe("a call that is made again", () => {
    const faulty = () => withFaults(redis, { only: ([name]) => name.startsWith("EVAL") });
    type Board = ReturnType<typeof open>;
    const changes: readonly (readonly [string, (board: Board, requestId?: string) => Promise<unknown>])[] = [
      ["set", (board, requestId) => board.set("x", "ada", 5, { requestId, data: { name: "Ada" } })],
      ["set only higher", (board, requestId) => board.set("x", "ada", 6, { requestId, only: "higher" })],
      ["increment", (board, requestId) => board.increment("x", "ada", 0.1, { requestId })],
      ["remove", (board, requestId) => board.remove("x", "ada", { requestId })],
    ];

    it.each(changes)("counts once and answers the same: %s", async (_, call) => {
      for (const ties of ["ordinal", "dense", firstToReach()] as const) {
        const port = faulty();
        const board = open({ ties, keep: { length: 3 } }, port);
        const value = typeof ties === "object" ? 1 : 0.1;
        const change = (requestId?: string) =>
          /increment/.test(_) ? board.increment("x", "ada", value, { requestId }) : call(board, requestId);
        await board.set("x", "ada", 3);
        await board.set("x", "bob", 4);
        port.runTwice();
        const first = await change("one");
        const after = await board.top("x");
        // Other changes come between the first time and the second, which must not undo them.
        port.loseReply();
        await expect(change("two")).rejects.toMatchObject({ code: "CONNECTION" });
        await board.increment("x", "ada", 2);
        const before = await board.top("x");
        expect(await change("one")).toEqual(first);
        await change("two");
        expect(await board.top("x")).toEqual(before);
        expect(after.entries).toHaveLength(first === true ? 1 : 2);
        port.runTwice();
        await change();
      }
    });

    it("clears a board once, and not what came after", async () => {
      for (const ties of ["ordinal", "dense"] as const) {
        const port = faulty();
        const board = open({ ties }, port);
        await board.set("x", "ada", 1, { data: { name: "Ada" } });
        await board.set("other", "ada", 1);
        port.loseReply();
        await expect(clearBoard(board, "x", { requestId: "one" })).rejects.toMatchObject({ code: "CONNECTION" });
        expect((await own()).filter((key) => /:{x}:[pd]1:/.test(key))).toEqual([]);
        await board.set("x", "eve", 1);
        expect(await clearBoard(board, "x", { requestId: "one" })).toBe(1);
        expect(await board.count("x")).toBe(1);
        expect(await clearBoard(board, "x")).toBe(1);
        expect(await board.count("other")).toBe(1);
      }
    });

    it("runs twice on the wire and counts once without a name, too", async () => {
      const port = faulty();
      const board = open({}, port);
      for (let i = 0; i < 5; i += 1) {
        port.runTwice();
        await board.increment("x", "ada", 1);
      }
      expect(await board.get("x", "ada")).toMatchObject({ score: 5 });
    });
  });

  it("costs one trip each, and few commands inside", async () => {
    const port = withFaults(redis);
    const board = open({ ties: "dense", keep: { length: 50 } }, port);
    const plain = open({}, port);
    const all = Array.from({ length: 20 }, (_, i) => `m${i}`);
    for (const one of [board, plain]) {
      await Promise.all(all.map((member, i) => one.set("x", member, i % 7, { data: { name: member } })));
      // The text of each script is on the server from here on.
      await Promise.all([one.increment("x", "m3", 1), one.remove("x", "m4"), one.get("x", "m1"), one.count("x")]);
      await Promise.all([one.top("x"), one.around("x", "m3"), one.getMany("x", all)]);
    }
    const inside = async (work: () => Promise<unknown>) => {
      port.reset();
      const counts = await backend.count(work);
      expect(port.counts().trips).toBe(1);
      return counts;
    };
    const remembering = { evalsha: 1, get: 1, set: 1 };
    expect(await inside(() => plain.set("x", "m1", 9))).toEqual({
      ...remembering,
      zscore: 1,
      zadd: 1,
      pexpire: 2,
      zrevrank: 1,
    });
    expect(await inside(() => plain.increment("x", "m1", 1))).toEqual({
      ...remembering,
      zscore: 1,
      zadd: 1,
      pexpire: 2,
      zrevrank: 1,
    });
    expect(await inside(() => plain.remove("x", "m2"))).toEqual({ ...remembering, zscore: 1, zrem: 1, hdel: 1 });
    expect(await inside(() => plain.get("x", "m1"))).toEqual({
      evalsha: 1,
      hmget: 1,
      zscore: 1,
      zrevrank: 1,
      zcount: 1,
      zcard: 1,
    });
    expect(await inside(() => plain.top("x"))).toEqual({ evalsha: 1, zrevrange: 1, exists: 1, hmget: 1 });
    const { cursor } = await plain.top("x", { limit: 2 });
    const page = { evalsha: 1, zscore: 1, zrevrange: 1, zrevrank: 1, exists: 1, hmget: 1 };
    expect(await inside(() => plain.top("x", { cursor }))).toEqual(page);
    await Promise.all([listByScore(plain, "x", { min: 1 }), scoreAtPercentile(plain, "x", 5), clearBoard(plain, "y")]);
    const range = { evalsha: 1, zcount: 2, zrevrange: 1, exists: 1, hmget: 1 };
    expect(await inside(() => listByScore(plain, "x", { min: 1, max: 5 }))).toEqual(range);
    expect(await inside(() => scoreAtPercentile(plain, "x", 50))).toEqual({ evalsha: 1, zcard: 1, zrange: 1 });
    expect(await inside(() => rankAmong(plain, "x", all))).toMatchObject({ evalsha: 1, hmget: 1, zscore: 20 });
    expect(await inside(() => clearBoard(plain, "y"))).toEqual({ ...remembering, zcard: 1, hlen: 1, unlink: 2 });
    expect(await inside(() => plain.around("x", "m5"))).toEqual({
      evalsha: 1,
      zcard: 1,
      zrevrange: 1,
      zrevrank: 1,
      exists: 1,
      hmget: 1,
    });
    expect(await inside(() => plain.getMany("x", all))).toMatchObject({ evalsha: 1, hmget: 1, zscore: 20 });
    expect(await inside(() => plain.count("x"))).toEqual({ evalsha: 1, zcard: 1 });
    expect(await inside(() => board.set("x", "m1", 9))).toEqual({
      ...remembering,
      zscore: 1,
      hlen: 1,
      zcard: 2,
      zadd: 2,
      zcount: 1,
      pexpire: 3,
      zrevrank: 1,
    });
  });

  it("gives each key the time of the board, and a permanent one none", async () => {
    const board = open({ ttl: minutes(5), ties: "dense" });
    await board.set("x", "ada", 1, { data: { name: "Ada" } });
    await board.increment("x", "ada", 1, { requestId: "a call" });
    const left = await Promise.all(
      (await own()).map(async (key) => [key, integer(await redis.send(["PTTL", key]))] as const),
    );
    expect(left.length).toBeGreaterThan(4);
    for (const [key, ttl] of left) {
      const most = key.includes(":once:") ? minutes(1) : key.includes(":request:") ? hours(24) : minutes(5);
      expect(ttl).toBeLessThanOrEqual(most);
      expect(ttl).toBeGreaterThan(most - minutes(1) / 2);
    }
    const forever = createLeaderboard(redis, { prefix: `${backend.prefix}:permanent`, ttl: "permanent" });
    await forever.set("x", "ada", 1);
    await forever.increment("x", "ada", 1);
    expect(await redis.send(["PTTL", `leaderboard:${backend.prefix}:permanent:{x}:p1:s`])).toBe(-1);
    // The next change under a time makes it live for that.
    const mortal = createLeaderboard(redis, { prefix: `${backend.prefix}:permanent`, ttl: minutes(1) });
    await mortal.set("x", "ada", 2, { only: "lower" });
    expect(await redis.send(["PTTL", `leaderboard:${backend.prefix}:permanent:{x}:p1:s`])).not.toBe(-1);
  });

  backend.it("takes members and ids of any text", async () => {
    const board = open({ ties: "competition" });
    const names = [
      "a:b",
      "{x}",
      "%7B",
      "ü",
      "\n",
      " ",
      "\ud800",
      "\udfff",
      "__proto__",
      "0",
      "true",
      "m".repeat(1_024),
      "😀",
      "\0",
    ];
    for (const [i, name] of names.entries()) {
      await board.set(name.slice(0, 3), name, i, { data: { name } });
      expect(await board.get(name.slice(0, 3), name)).toMatchObject({ member: name, score: i, data: { name } });
      await board.set("all", name, i, { data: { name } });
    }
    const { entries } = await board.top("all", { limit: 50 });
    expect(entries.map(({ member, data }) => [member, data?.name])).toEqual(
      names.toReversed().map((name) => [name, name]),
    );
    const { cursor } = await board.top("all", { limit: 8 });
    expect(membersOf((await board.top("all", { cursor, limit: 50 })).entries)).toEqual(names.toReversed().slice(8));
  });

  backend.it("carries scores to the last digit", async () => {
    const board = open({ ties: "dense" });
    const odd = [
      0.1,
      3.7,
      -3.7,
      1e-7,
      5e-324,
      1e300,
      -1e300,
      2 ** 53 - 1,
      0.30000000000000004,
      1 / 3,
      123456789.12345679,
    ];
    for (const score of odd) {
      expect(await board.set("x", `m${score}`, score)).toMatchObject({ score });
      expect(await board.get("x", `m${score}`)).toMatchObject({ score });
    }
    expect((await board.top("x", { limit: 20 })).entries.map(({ score }) => score)).toEqual(
      odd.toSorted((a, b) => b - a),
    );
    expect((await board.set("x", "zero", -0)).score).toBe(0);
    await board.set("x", "sum", 0.1);
    expect((await board.increment("x", "sum", 0.2)).score).toBe(0.1 + 0.2);
  });

  it("refuses a sum that would not be exact, and changes nothing", async () => {
    const board = open({ ties: "dense" });
    await board.set("x", "ada", 2 ** 53 - 2, { data: { name: "Ada" } });
    const before = await board.get("x", "ada");
    for (const by of [2, 1e300]) {
      const adding = board.increment("x", "ada", by, { data: { name: "Eve" }, requestId: "r" });
      await expect(adding).rejects.toMatchObject({
        code: "RANGE",
        message: expect.stringMatching(/^(?!.*ada).*Use smaller points/),
      });
    }
    expect(await board.get("x", "ada")).toEqual(before);
    expect(await board.increment("x", "ada", 1, { requestId: "r" })).toMatchObject({ score: 2 ** 53 - 1 });
  });

  it("leaves everything as it was where a key is of another type", async () => {
    for (const kind of ["s", "m", "l"]) {
      const board = open({ ties: "dense" });
      const key = `leaderboard:${backend.prefix}:${number}:{x}:d1:${kind}`;
      await redis.send(["SET", key, "taken", "PX", 60_000]);
      const setting = board.set("x", "ada", 1, { data: { name: "Ada" } });
      await expect(setting).rejects.toMatchObject({ code: "WRONGTYPE" });
      await expect(clearBoard(board, "x")).rejects.toMatchObject({ code: "WRONGTYPE" });
      expect(await own()).toEqual([key]);
    }
  });

  it("leaves everything as it was where a key is of another type when a member is removed", async () => {
    for (const kind of ["s", "m", "l"]) {
      const board = open({ ties: "dense" });
      const key = (part: string) => `leaderboard:${backend.prefix}:${number}:{x}:d1:${part}`;
      await board.set("x", "ada", 1, { data: { name: "Ada" } });
      await redis.send(["SET", key(kind), "taken", "PX", 60_000]);
      await expect(board.remove("x", "ada")).rejects.toMatchObject({ code: "WRONGTYPE" });
      for (const [part, command] of [
        ["s", "ZCARD"],
        ["m", "HLEN"],
        ["l", "ZCARD"],
      ] as const) {
        if (part !== kind) expect(Number(await redis.send([command, key(part)])), part).toBe(1);
      }
    }
  });

  backend.it("keeps boards apart that are written in other ways, and reads a plain one by another rank", async () => {
    const prefix = `${backend.prefix}:deploy`;
    const [ordinal, competition, dense, first] = (["ordinal", "competition", "dense", firstToReach()] as const).map(
      (ties) => createLeaderboard(redis, { prefix, ties }),
    );
    await ordinal?.set("x", "ada", 5);
    await ordinal?.set("x", "bob", 5);
    expect((await competition?.top("x"))?.entries.map(({ rank }) => rank)).toEqual([1, 1]);
    expect(await dense?.count("x")).toBe(0);
    expect(await first?.count("x")).toBe(0);
  });

  it("says that options come after the score, and after the points", async () => {
    const options = { requestId: "r" } as never;
    for (const call of [() => open().set("x", "ada", options), () => open().increment("x", "ada", options)]) {
      await expect(Promise.resolve().then(call)).rejects.toThrow("options come after it");
    }
  });

  it.each<[string, (board: ReturnType<typeof open>) => unknown]>([
    ["score", (board) => board.set("x", "ada", Number.NaN)],
    ["score", (board) => board.set("x", "ada", Number.POSITIVE_INFINITY)],
    ["score", (board) => board.set("x", "ada", "5" as never)],
    ["score", (board) => board.set("x", "ada", 1e301)],
    ["by", (board) => board.increment("x", "ada", null as never)],
    ["by", (board) => board.increment("x", "ada", undefined as never)],
    ["member", (board) => board.set("x", "", 1)],
    ["member", (board) => board.set("x", 7 as never, 1)],
    ["member", (board) => board.set("x", "é".repeat(513), 1)],
    ["member", (board) => board.get("x", "m".repeat(1_025))],
    ["member", (board) => board.getMany("x", ["a", ""])],
    ["member", (board) => board.around("x", "")],
    ["member", (board) => board.remove("x", "")],
    ["id", (board) => board.set("", "ada", 1)],
    ["id", (board) => board.top("")],
    ["only", (board) => board.set("x", "ada", 1, { only: "best" as never })],
    ["options", (board) => board.set("x", "ada", 1, 5 as never)],
    ["options", (board) => board.increment("x", "ada", 1, null as never)],
    ["options", (board) => board.remove("x", "ada", "now" as never)],
    ["options", (board) => board.top("x", 10 as never)],
    ["options", (board) => board.get("x", "ada", null as never)],
    ["options", (board) => board.getMany("x", [], 5 as never)],
    ["options", (board) => board.around("x", "ada", 5 as never)],
    ["options", (board) => board.count("x", 5 as never)],
    ["options", (board) => listByScore(board, "x", 5 as never)],
    ["signal", (board) => board.top("x", { signal: null as never })],
    ["requestId", (board) => board.set("x", "ada", 1, { requestId: "" })],
    ["data.at", (board) => board.set("x", "ada", 1, { data: { at: new Date(0) } as never })],
    ["maxBytes", (board) => board.set("x", "ada", 1, { data: { name: "x".repeat(100_000) } })],
    ["limit", (board) => board.top("x", { limit: 1_001 })],
    ["limit", (board) => board.top("x", { limit: 0 })],
    ["limit", (board) => board.top("x", { limit: null as never })],
    ["limit", (board) => board.around("x", "ada", { limit: 2.5 })],
    [
      "members",
      (board) =>
        board.getMany(
          "x",
          Array.from({ length: 1_001 }, (_, i) => `m${i}`),
        ),
    ],
    ["members", (board) => board.getMany("x", "ada" as never)],
    ["members", (board) => rankAmong(board, "x", "ada" as never)],
    [
      "members",
      (board) =>
        rankAmong(
          board,
          "x",
          Array.from({ length: 1_001 }, (_, i) => `m${i}`),
        ),
    ],
    ["at", (board) => board.top("x", { at: 5 })],
    ["at", (board) => board.set("x", "ada", 5, { at: 5 })],
    ["min", (board) => listByScore(board, "x", { min: Number.NaN })],
    ["percentile", (board) => scoreAtPercentile(board, "x", 101)],
    ["percentile", (board) => scoreAtPercentile(board, "x", Number.NaN)],
    ["board", () => clearBoard({} as never, "x")],
    ["options", (board) => clearBoard(board, "x", 5 as never)],
    ["board", () => scoreAtPercentile({} as never, "x", 50)],
    ["board", () => listByScore(null as never, "x", {})],
  ])("refuses a wrong `%s` and sends nothing", async (name, call) => {
    const board = open();
    const message = expect.stringContaining(`\`${name}\``);
    const counts = await backend.count(async () => {
      await expect((async () => call(board))()).rejects.toMatchObject({ message });
    });
    expect(counts).toEqual({});
  });

  it.each<[string, object]>([
    ["ttl", { ttl: 0 }],
    ["ttl", { ttl: "forever" }],
    ["ttl", { ttl: null }],
    ["period", { period: "weekly" }],
    ["order", { order: "up" }],
    ["ties", { ties: "best" }],
    ["ties", { ties: null }],
    ["ties", { ties: {} }],
    ["keep.length", { keep: { length: 0 } }],
    ["keep.length", { keep: {} }],
    ["keep", { keep: 5 }],
    ["keep", { keep: null }],
    ["maxBytes", { maxBytes: 0 }],
    ["requestTtl", { requestTtl: -1 }],
    ["prefix", { prefix: "{}" }],
  ])("names an option that can never work: %s of %j", (name, options) => {
    expect(() => open(options)).toThrow(OptionError);
    expect(() => open(options)).toThrow(`\`${name}\``);
  });

  it("hears of a caller that left before", async () => {
    const board = open();
    const signal = AbortSignal.abort(new Error("left"));
    await expect(board.set("x", "ada", 1, { signal })).rejects.toThrow("left");
    await expect(board.top("x", { signal })).rejects.toThrow("left");
    expect(await board.count("x")).toBe(0);
  });
});
