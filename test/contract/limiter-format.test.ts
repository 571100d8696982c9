import { expect, it } from "vitest";
import type { LimitAlgorithm } from "../../src/core/patterns/limiter/algorithm.ts";
import { concurrency } from "../../src/core/patterns/limiter/algorithms/concurrency.ts";
import { fixedWindow } from "../../src/core/patterns/limiter/algorithms/fixed-window.ts";
import { gcra, tokenBucket } from "../../src/core/patterns/limiter/algorithms/gcra.ts";
import { createLimiter } from "../../src/core/patterns/limiter/limiter.ts";
import { slidingLog } from "../../src/core/patterns/limiter/algorithms/sliding-log.ts";
import { slidingWindow } from "../../src/core/patterns/limiter/algorithms/sliding-window.ts";
import { decideFixedWindow } from "../../src/core/patterns/limiter/scripts/fixed-window.lua.ts";
import { onVirtualClock } from "../fixtures/limiter-clock.ts";
import v1 from "../fixtures/limiter-v1.json" with { type: "json" };
import { onEveryBackend } from "../support/backends.ts";

const ten = { limit: 10, window: 60_000 };
const many = { limit: 1_000, window: 60_000 };

/** What the keys of the fixture mean: it was written by the release that first had the format, and is never written again. */
const meanings: Record<keyof typeof v1.kept, readonly [algorithm: LimitAlgorithm, remaining: number, blocked: number]> =
  {
    fixedWindow: [fixedWindow(ten), 6, 0],
    "fixedWindow blocked": [fixedWindow(ten), 0, 30_000],
    slidingWindow: [slidingWindow(many), 702, 0],
    "slidingWindow blocked": [slidingWindow(many), 0, 30_000],
    slidingLog: [slidingLog(ten), 6, 0],
    "slidingLog blocked": [slidingLog(ten), 0, 30_000],
    gcra: [gcra(ten), 6, 0],
    tokenBucket: [tokenBucket({ limit: 7, window: 60_000, capacity: 10 }), 6, 0],
    "gcra blocked": [gcra(ten), 0, 60_000],
    concurrency: [concurrency({ limit: 10, lease: 60_000 }), 6, 0],
  };

interface Kept {
  readonly kind: string;
  /** When it was read, by the server's clock, and the TTL that it then had. */
  readonly at: number;
  readonly ttl: number;
  /** A string, in base64. */
  readonly value?: string;
  /** A sorted set. */
  readonly members?: readonly (readonly (string | number)[])[];
}
const kept: Record<string, Kept> = v1.kept;

const loadString = `local bytes={}
for i=2,#ARGV do bytes[#bytes+1]=string.char(ARGV[i]) end
return redis.call("SET",KEYS[1],table.concat(bytes),"PX",ARGV[1])`;
const loadSortedSet = `for i=2,#ARGV,2 do redis.call("ZADD",KEYS[1],ARGV[i+1],ARGV[i]) end
return redis.call("PEXPIRE",KEYS[1],ARGV[1])`;

onEveryBackend("what an earlier release of the limiter stored", (backend) => {
  it.each([fixedWindow(ten), slidingWindow(ten), slidingLog(ten), gcra({ limit: 7, window: 60_000 })])(
    "is forgotten where it is nothing of the limiter's: $kind",
    async (algorithm) => {
      const redis = await backend.connect();
      const prefix = `${backend.prefix}foreign`;
      const limiter = createLimiter(redis, { prefix, algorithm, timeout: 60_000 });
      for (const foreign of ["", "x", "|", "a|b", "1|2|3|4"]) {
        await redis.send(["SET", `limiter:${prefix}:{u}:${algorithm.kind}`, foreign, "PX", 1_000]);
        expect(await limiter.limit("u"), foreign).toMatchObject({ allowed: true, degraded: false });
      }
    },
  );

  for (const [name, [algorithm, remaining, blocked]] of Object.entries(meanings)) {
    it(`is read as it was meant: ${name}`, async () => {
      const { kind = "", at = 0, ttl = 0, value = "", members } = kept[name] ?? {};
      expect(algorithm.kind).toBe(kind);
      const clock = { now: at };
      const redis = onVirtualClock(await backend.connect(), clock);
      const prefix = `${backend.prefix}${name.replace(" ", "-")}`;
      const bytes = Array.from(atob(value), (byte) => byte.charCodeAt(0));
      const [load, args] = members ? [loadSortedSet, members.flat()] : [loadString, bytes];
      await redis.send(["EVAL", load, 1, `limiter:${prefix}:{u}:${kind}`, ttl, ...args]);
      const limiter = createLimiter(redis, { prefix, algorithm, timeout: 60_000 });

      const now = await limiter.peek("u");
      expect(now).toMatchObject({ remaining, reason: blocked > 0 ? "blocked" : null, degraded: false });
      expect(Math.abs(now.retryAfter - blocked)).toBeLessThan(1_000);
      if (remaining > 0) {
        expect(await limiter.peek("u", { cost: remaining })).toMatchObject({ allowed: true });
        expect(await limiter.peek("u", { cost: remaining + 1 })).toMatchObject({ allowed: false });
      }
      clock.now = at + ttl - 1_000;
      expect((await limiter.peek("u", { cost: algorithm.limit })).allowed).toBe(false);
      clock.now = at + ttl + 1_000;
      expect(await limiter.peek("u")).toMatchObject({ allowed: true, remaining: algorithm.limit });
    });
  }
});

/** `[call, window, cost, maxWait, hold, milliseconds that pass before]`. */
type Step = readonly [call: string, window: number, cost: number, maxWait: number, hold: number, pause: number];

const usual = (call: string, pause = 0, window = ten.window): Step => [call, window, 1, 0, 0, pause];
const steps: readonly Step[] = [
  ...["a", "b", "c"].map((call) => usual(call)),
  usual("b"),
  usual("d", 10_000),
  [";refund", ten.window, -2, 0, 0, 0],
  ...Array.from({ length: 12 }, (_, i) => usual(`e${i}`, 100)),
  ["booked", ten.window, 3, 120_000, 0, 0],
  usual("f"),
  usual("g", 60_000),
  usual("h", 60_001),
  [";block", ten.window, 0, 0, 5_000, 0],
  usual("i"),
  usual("j", 6_000),
  usual("k", 0, 30_000),
  usual("l", 10_000, 30_000),
  usual("m", 0, ten.window),
  usual("n", -20_000),
  usual("o", -1),
  usual("p", 600_000),
  usual("q", ten.window),
];

onEveryBackend("a usual call of a fixed window", (backend) => {
  it("is told and stores what it would with all its numbers, which takes the long way", async () => {
    const clock = { now: 1_700_000_000_000 };
    const plain = await backend.connect();
    const redis = onVirtualClock(plain, clock);
    const keys = ["short", "long"].map((way) => `limiter:${backend.prefix}${way}:{u}:fixed2`);
    for (const [call, window, cost, maxWait, hold, pause] of steps) {
      clock.now += pause;
      const demand = cost === 1 && maxWait === 0 && hold === 0 ? [] : [cost, maxWait, hold];
      const [short, long] = await Promise.all(
        [demand, [cost, maxWait, hold]].map(async (demand, i) => {
          const values = {
            key: keys[i] ?? "",
            seen: [],
            call: call.padStart(7, ";"),
            numbers: [10, window, 0, ...demand],
          };
          return [await decideFixedWindow(redis, values), await plain.send(["GET", values.key])];
        }),
      );
      expect(short, call).toEqual(long);
    }
  });
});
