import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  createLeaderboard,
  every,
  firstToReach,
  type LeaderboardOptions,
  listByScore,
} from "../../src/core/patterns/leaderboard/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { days, seconds } from "../../src/core/time/duration.ts";
import { type Board, type Mistake, Oracle } from "../fixtures/leaderboard-oracle.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

const members = ["a", "b", "ab", "é", "😀", "\uffee", "m", "z"];
const fractions = [0, 0, 1, 1, 3.7, 3.2, -2, -0.5, 1e-7, 2 ** 40];
const wholes = [0, 0, 1, 1, 3, 7, 1_000];

const step = fc.record({
  act: fc.constantFrom("set", "set", "set", "higher", "lower", "increment", "remove", "read", "page"),
  member: fc.constantFrom(...members),
  score: fc.nat(20),
  limit: fc.integer({ min: 1, max: 5 }),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
const steps = fc.array(step, { minLength: 10, maxLength: 25, size: "max" });

/** All that a board can be, as far as ranks go. */
const kinds = (["ordinal", "competition", "dense", "first"] as const).flatMap((ties) =>
  (["descending", "ascending"] as const).flatMap((order) =>
    [undefined, { length: 3 }].map((keep) => ({ ties, order, keep })),
  ),
);
type Kind = (typeof kinds)[number];
const nameOf = ({ ties, order, keep }: Kind) => `${ties}, ${order}${keep ? ", the best three" : ""}`;

/** Takes the steps on a board and asks the oracle. @returns The first difference, or nothing. */
async function difference(kind: Kind, steps: readonly Step[], board: Board, at: (tick: number) => object, id: string) {
  const oracle = new Oracle(kind);
  for (const [tick, { act, member, score: n, limit }] of steps.entries()) {
    oracle.tick = tick;
    if (board instanceof Oracle) board.tick = tick;
    const scores = kind.ties === "first" ? wholes : fractions;
    const score = scores[n % scores.length] ?? 0;
    const data = n % 3 === 0 ? { data: `${member} ${tick}` } : {};
    const only = act === "higher" || act === "lower" ? { only: act } : {};
    const ask = async (one: Board): Promise<unknown> => {
      const options = { ...at(tick), ...data };
      if (act === "increment") return one.increment(id, member, score, options);
      if (act === "remove") return one.remove(id, member, at(tick));
      if (act === "read") return one.get(id, member, at(tick));
      if (act !== "page") return one.set(id, member, score, { ...options, ...only });
      // Somebody leaves and somebody comes between two pages.
      const { cursor, ...first } = await one.top(id, { limit, ...at(tick) });
      await one.remove(id, first.entries.at(-1)?.member ?? member, at(tick));
      await one.set(id, member, score, at(tick));
      const { entries } = await one.top(id, { limit: 9, cursor, ...at(tick) });
      return [first, entries];
    };
    const [expected, found] = [await ask(oracle), await ask(board)].map((answer) => JSON.stringify(answer));
    if (expected !== found) return `${act} ${member} ${score}: ${expected} and not ${found}`;
  }
  const whole = async (one: Board) =>
    JSON.stringify([
      (await one.top(id, { limit: 20, ...at(0) })).entries,
      await one.getMany(id, members, at(0)),
      await one.around(id, "m", { limit: 3, ...at(0) }),
      await one.count(id, at(0)),
    ]);
  const [expected, found] = [await whole(oracle), await whole(board)];
  return expected === found ? "" : `in the end: ${expected} and not ${found}`;
}

onEveryBackend("a leaderboard and an oracle", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  // The period of the oracle's time: of each tick, a second.
  const period = every(days(1));
  const start = Math.floor(Date.now() / days(1)) * days(1);
  const optionsOf = ({ ties, order, keep }: Kind): Omit<LeaderboardOptions, "prefix"> =>
    ties === "first"
      ? { ties: firstToReach(), order, keep, period, ttl: days(10) }
      : { ties, order, keep, ttl: seconds(60) };

  describe.each(backend.share(kinds).map((kind) => [nameOf(kind), kind] as const))("agree: %s", (_, kind) => {
    it("whatever comes", async () => {
      const board = createLeaderboard(redis, { prefix: backend.prefix, ...optionsOf(kind) });
      const at = (tick: number) => (kind.ties === "first" ? { at: start + seconds(tick) } : {});
      const property = fc.asyncProperty(steps, async (steps) => {
        expect(await difference(kind, steps, board, at, `run ${(number += 1)}`)).toBe("");
      });
      await fc.assert(property, { numRuns: sized(200, 3), seed: 20_261_127 });
    });
  });

  it("agree on ranges of scores", async () => {
    const board = createLeaderboard(redis, { prefix: backend.prefix, ties: "competition" });
    const bound = fc.constantFrom(...fractions, undefined);
    const property = fc.asyncProperty(steps, bound, bound, async (steps, min, max) => {
      const id = `range ${(number += 1)}`;
      const oracle = new Oracle({ ties: "competition" });
      for (const { member, score: n } of steps) {
        const score = fractions[n % fractions.length] ?? 0;
        await Promise.all([oracle.set(id, member, score), board.set(id, member, score)]);
      }
      const { entries } = await oracle.top(id, { limit: 20 });
      const wanted = entries.filter(({ score }) => score >= (min ?? -Infinity) && score <= (max ?? Infinity));
      expect((await listByScore(board, id, { min, max, limit: 20 })).entries).toEqual(wanted);
    });
    await fc.assert(property, { numRuns: sized(100, 2), seed: 20_261_127 });
  });
});

describe("the oracle of leaderboards rejects a board", () => {
  const mistakes: readonly (readonly [Mistake, Kind])[] = [
    ["competition counted as ordinal", { ties: "competition", order: "descending", keep: undefined }],
    ["trims the wrong side", { ties: "ordinal", order: "descending", keep: { length: 3 } }],
    ["trims the wrong side", { ties: "dense", order: "ascending", keep: { length: 3 } }],
    ["never trims an ascending board", { ties: "ordinal", order: "ascending", keep: { length: 3 } }],
    ["cuts off fractions", { ties: "ordinal", order: "descending", keep: undefined }],
    ["does not rank a score of 0", { ties: "ordinal", order: "descending", keep: undefined }],
    ["keeps the later of equal scores", { ties: "first", order: "descending", keep: undefined }],
    ["pages by an offset", { ties: "ordinal", order: "descending", keep: undefined }],
    ["keeps the data of who fell out", { ties: "ordinal", order: "descending", keep: { length: 3 } }],
    ["forgets the order among equal scores", { ties: "ordinal", order: "descending", keep: undefined }],
  ];

  it.each(mistakes)("that %s: %o", async (mistake, kind) => {
    const samples = fc.sample(steps, { numRuns: 30, seed: 20_261_127 });
    const found: string[] = [];
    for (const sample of samples)
      found.push(await difference(kind, sample, new Oracle(kind, mistake), () => ({}), "x"));
    expect(found.join("")).not.toBe("");
    const right: string[] = [];
    for (const sample of samples) right.push(await difference(kind, sample, new Oracle(kind), () => ({}), "x"));
    expect(right.join("")).toBe("");
  });
});
