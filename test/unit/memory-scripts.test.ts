import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changeCommand } from "../../src/adapters/memory/repairs/commands.ts";
import { memory } from "../../src/adapters/memory/index.ts";
import { type Repair, repairs } from "../../src/adapters/memory/repairs/repairs.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { openChanged } from "../fixtures/changed-engine.ts";
import { scripts } from "../fixtures/every-script.ts";
import { onVirtualClock } from "../fixtures/limiter-clock.ts";
import { onLockClock } from "../fixtures/lock-clock.ts";
import { blooms } from "../fixtures/plays/bloom.ts";
import { caches } from "../fixtures/plays/cache.ts";
import { leaderboards } from "../fixtures/plays/leaderboard.ts";
import { counts } from "../fixtures/plays/counter.ts";
import { feeds } from "../fixtures/plays/feed.ts";
import { limiters } from "../fixtures/plays/limiter.ts";
import { locks } from "../fixtures/plays/lock.ts";
import type { Play } from "../fixtures/plays/play.ts";
import { channels } from "../fixtures/plays/pubsub.ts";
import { typedRecords } from "../fixtures/plays/record.ts";
import { records } from "../fixtures/plays/records.ts";
import { uniques } from "../fixtures/plays/uniques.ts";
import { openRealRedis } from "../fixtures/real-redis.ts";
import { Clocks, exact } from "../fixtures/same-but-clock.ts";
import { tee, type Tee } from "../fixtures/tee.ts";
import { sized } from "../support/long.ts";

// A failure prints the steps; SCRIPTS_SEED tries others.
const seed = Number(process.env["SCRIPTS_SEED"] ?? 20_261_127);
const numRuns = sized(200, 4);
const real = openRealRedis();
const other = memory({ timeout: 60_000 });

const step = fc.record({ act: fc.nat(50), id: fc.constantFrom("ada", "bob"), n: fc.nat(9) });
const steps = fc.array(step, { minLength: 20, maxLength: 60, size: "max" });
const pauses = fc.array(fc.constantFrom(0, 1, 999, 60_000, 600_000, 3_600_000, 8_000_000), {
  minLength: 3,
  maxLength: 9,
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Every operation of a play that has 25 at most, first with a number and then with none: what is rare comes at least once. */
const eachAct: Step[] = Array.from({ length: 50 }, (_, act) => ({ act, id: "ada", n: act < 25 ? 5 : 0 }));

/** Limits that hold units are never decided with others, and two limits of one algorithm share its text. */
const neverTogether = /^limit-all, (.*decideConcurrency|.*: (\w+) and .*: \2$)/;

/**
 * Plays one step after the other on both servers, and tells where they differed. What an operation throws is its pattern's own answer to
 * what Redis has answered.
 * @param through What the pattern is given instead of the port itself.
 */
async function run(play: Play, steps: readonly Step[], port: Tee, through: Redis = port, next = () => {}) {
  await port.send(["FLUSHALL"]);
  const acts = Object.values(play(through, "app"));
  for (const { act, id, n } of steps) {
    await Promise.resolve(acts[act % acts.length]?.(id, n)).catch(() => {});
    next();
  }
  await port.compareData();
  return port.found;
}

describe("our scripts do on the embedded engine what they do on Redis", () => {
  const sent = new Set<string>();

  it.each(
    Object.entries({
      ...limiters,
      ...locks,
      ...caches,
      ...records,
      ...leaderboards,
      ...counts,
      ...typedRecords,
      ...blooms,
      ...feeds,
      ...channels,
      ...uniques,
    }),
  )(
    "%s",
    async (_, play) => {
      const property = fc.asyncProperty(steps, async (steps) => {
        const port = tee(real(), other);
        const found = await run(play, steps, port);
        for (const lua of port.scripts) sent.add(lua);
        expect(found).toEqual([]);
      });
      await fc.assert(property, { numRuns, seed, endOnFailure: true, examples: [[eachAct]] });
    },
    sized(900_000, 60_000),
  );

  it.each([
    ...Object.entries(limiters).map(([name, play]) => [name, play, onVirtualClock] as const),
    ...Object.entries(locks).map(([name, play]) => [name, play, onLockClock] as const),
  ])(
    "%s, to the last digit under a clock that a test turns",
    async (_, play, onClock) => {
      const property = fc.asyncProperty(steps, pauses, async (steps, pauses) => {
        const clock = { now: 1_800_000_000_000 };
        const port = tee(real(), other, exact);
        let turn = 0;
        const next = () => void (clock.now += pauses[(turn += 1) % pauses.length] ?? 0);
        expect(await run(play, steps, port, onClock(port, clock), next)).toEqual([]);
      });
      await fc.assert(property, { numRuns, seed, endOnFailure: true });
    },
    sized(900_000, 60_000),
  );

  it("have all been sent", () => {
    const missing = scripts.filter(({ lua }) => !sent.has(lua)).map(({ name }) => name);
    expect(missing.filter((name) => !neverTogether.test(name))).toEqual([]);
  });
});

describe("this comparison finds an engine", () => {
  async function isFound(play: Play | undefined, changes: readonly Repair[]): Promise<boolean> {
    if (!play) return false;
    const changed = openChanged(changes);
    for (const sample of fc.sample(steps, { numRuns: 10, seed })) {
      if ((await run(play, sample, tee(real(), changed))).length > 0) return true;
    }
    return false;
  }

  it("whose scripts get big numbers wrong", async () => {
    const rest = repairs.filter(({ name }) => name !== "runScripts");
    expect(rest.length).toBe(repairs.length - 1);
    expect(await isFound(limiters["limiter, sliding window"], rest)).toBe(true);
  });

  it.each([
    ["zadd", limiters["limiter, concurrency"]],
    ["pexpire", locks["lock"]],
    ["hset", records["tokens"]],
    ["mget", caches["cache"]],
    ["setrange", locks["lock"]],
    ["pfadd", uniques["uniques, approximate"]],
    ["zunionstore", leaderboards["leaderboard, periods"]],
    ["zremrangebyrank", leaderboards["leaderboard, ordinal"]],
  ])("in which %s does nothing", async (name, play) => {
    const lazy: Repair = (engine) => {
      const { RedisResult, RedisValue } = engine.module;
      changeCommand(engine, name, () => () => RedisResult.create(RedisValue.integer(1)));
    };
    expect(await isFound(play, [...repairs, lazy])).toBe(true);
  });

  it("whose clock is an hour late, or which counts one too few", async () => {
    const late = new Clocks();
    expect(late.isSameText("1795786836002 9 5", "1795786836102 9 5")).toBe(true);
    expect(late.isSameText("1795786836002 9 5", "1795790436002 9 5")).toBe(false);
    expect(late.isSameText("1795786836002 9 5", "1795786836002 8 5")).toBe(false);
    expect(late.isSameNumber(7_200_000, 7_199_000)).toBe(true);
    expect(late.isSameNumber(10, 9)).toBe(false);
  });
});
