import { beforeAll, describe, expect, it } from "vitest";
import { createSeries, type Series, type SeriesOptions } from "../../src/core/patterns/counter/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer, texts } from "../../src/core/port/reply.ts";
import { days, hours, minutes, seconds } from "../../src/core/time/duration.ts";
import { type Faults, withFaults } from "../../src/testing/index.ts";
import seriesV1 from "../fixtures/series-v1.json" with { type: "json" };
import { restore } from "../fixtures/restore.ts";
import { onEveryBackend } from "../support/backends.ts";

const most = Number.MAX_SAFE_INTEGER;
const sum = (points: readonly { readonly value: number }[]) => points.reduce((total, { value }) => total + value, 0);

onEveryBackend("series", (backend) => {
  let redis: Redis & Faults;
  let number = 0;
  beforeAll(async () => {
    redis = withFaults(await backend.connect());
  });
  const open = (options: Partial<SeriesOptions> = {}) => {
    number += 1;
    redis.reset();
    const prefix = `${backend.prefix}:${number}`;
    return createSeries(redis, { prefix, bucket: minutes(1), keep: { age: days(7) }, ...options });
  };
  const own = async () => (await backend.keys()).filter((key) => key.startsWith(`series:${backend.prefix}:${number}:`));
  const pages = async () => (await own()).filter((key) => /:\d+:\d+$/.test(key));
  /** The key of the page that an instant is in. */
  const pageOf = (id: string, bucket: number, at: number) =>
    `series:${backend.prefix}:${number}:{${id}}:${bucket * 128}:${at - (at % (bucket * 128))}`;
  const serverTime = async () => {
    const [whole = "", fraction = ""] = texts(await redis.send(["TIME"]));
    return Number(whole) * 1_000 + Math.floor(Number(fraction) / 1_000);
  };
  /** The start of a page a few pages ago, so that whatever follows in two pages has happened. */
  const earlier = async (bucket: number) => {
    const now = await serverTime();
    return now - (now % (bucket * 128)) - 3 * bucket * 128;
  };

  it("count in the bucket of the server's time, which is the last of a range", async () => {
    const series = open();
    const before = await serverTime();
    expect(await series.increment("a")).toBe(1);
    await series.increment("a", 5);
    await series.increment("a", -2);
    const points = await series.range("a", { last: minutes(3) });
    const after = await serverTime();
    expect(points).toHaveLength(3);
    expect(sum(points)).toBe(4);
    for (const { at } of points) expect(at % minutes(1)).toBe(0);
    expect(points[2]?.at).toBeGreaterThan(before - minutes(1));
    expect(points[2]?.at).toBeLessThanOrEqual(after);
    expect(points.map(({ at }) => at - (points[0]?.at ?? 0))).toEqual([0, minutes(1), minutes(2)]);
  });

  backend.it("lose none of 500 that come together, by any of two clients", async () => {
    const one = open();
    const other = createSeries(await backend.connect(), {
      prefix: `${backend.prefix}:${number}`,
      bucket: minutes(1),
      keep: { age: days(7) },
    });
    await Promise.all(Array.from({ length: 500 }, (_, i) => (i % 2 === 0 ? one : other).increment("a")));
    expect(sum(await one.range("a", { last: hours(1) }))).toBe(500);
  });

  it("give every bucket between two instants, also those without a count, oldest first", async () => {
    const series = open();
    const start = await earlier(minutes(1));
    await series.increment("a", 2, { at: start + minutes(2) });
    await series.increment("a", 3, { at: start + minutes(2) + 59_999 });
    await series.increment("a", 7, { at: start });
    const from = start + 30_000;
    expect(await series.range("a", { from, to: start + minutes(3) })).toEqual([
      { at: start, value: 7 },
      { at: start + minutes(1), value: 0 },
      { at: start + minutes(2), value: 5 },
    ]);
    expect(await series.range("a", { from, to: start + minutes(2) })).toHaveLength(2);
    expect(await series.range("a", { from, to: start + minutes(2) + 1 })).toHaveLength(3);
    expect(await series.range("a", { from, to: from + 1 })).toEqual([{ at: start, value: 7 }]);
    expect(await series.range("none", { from, to: start + minutes(2) })).toEqual([
      { at: start, value: 0 },
      { at: start + minutes(1), value: 0 },
    ]);
  });

  it.each([
    ["seconds", seconds(1)],
    ["minutes", minutes(1)],
    ["odd lengths", 7_777],
    ["days, which begin at midnight in UTC", days(1)],
  ])("change the page and the bucket at the millisecond: %s", async (_, bucket) => {
    const series = open({ bucket, keep: { age: bucket * 1_000 } });
    const start = await earlier(bucket);
    const instants = [
      start - 1,
      start,
      start + bucket - 1,
      start + bucket,
      start + bucket * 128 - 1,
      start + bucket * 128,
    ];
    for (const [i, at] of instants.entries()) await series.increment("a", 10 ** i, { at });
    const points = await series.range("a", { from: start - bucket, to: start + bucket * 129 });
    expect(points).toHaveLength(130);
    expect(points.map(({ value }, i) => [i, value]).filter(([, value]) => value !== 0)).toEqual([
      [0, 1],
      [1, 110],
      [2, 1_000],
      [128, 10_000],
      [129, 100_000],
    ]);
    expect((await pages()).toSorted()).toEqual(
      [start - 1, start, start + bucket * 128].map((at) => pageOf("a", bucket, at)).toSorted(),
    );
  });

  it("keep a page until its last bucket is too old", async () => {
    const series = open({ bucket: minutes(1), keep: { age: hours(24) } });
    const start = await earlier(minutes(1));
    await series.increment("a", 1, { at: start });
    const left = integer(await redis.send(["PTTL", pageOf("a", minutes(1), start)]));
    const end = left + (await serverTime());
    expect(end - (start + minutes(128) + hours(24))).toBeLessThan(10_000);
    expect(end - (start + minutes(128) + hours(24))).toBeGreaterThan(-10_000);
    await createSeries(redis, {
      prefix: `${backend.prefix}:${number}`,
      bucket: minutes(1),
      keep: { age: hours(25) },
    }).increment("a", 1, { at: start });
    expect(integer(await redis.send(["PTTL", pageOf("a", minutes(1), start)])) - left).toBeGreaterThan(minutes(59));
  });

  it("leave out what is older than `keep.age`, although its page lives on, and count nothing that is", async () => {
    const wide = open({ keep: { age: hours(10) } });
    const narrow = createSeries(redis, {
      prefix: `${backend.prefix}:${number}`,
      bucket: minutes(1),
      keep: { age: minutes(5) },
    });
    const now = await serverTime();
    await wide.increment("a", 1, { at: now - minutes(8) });
    await wide.increment("a", 1, { at: now - minutes(3) });
    const range = { from: now - minutes(10), to: now + minutes(10) };
    expect(sum(await wide.range("a", range))).toBe(2);
    const points = await narrow.range("a", range);
    expect(sum(points)).toBe(1);
    expect(points.length).toBeGreaterThanOrEqual(6);
    expect(points.length).toBeLessThanOrEqual(7);
    expect(await narrow.increment("a", 1, { at: now - minutes(8), requestId: "late" })).toBe(0);
    expect(await narrow.increment("b", 1, { at: 0 })).toBe(0);
    expect((await own()).filter((key) => /late|\{b\}/.test(key))).toEqual([]);
    expect(sum(await wide.range("a", range))).toBe(2);
    // What is kept reads back whole: as many buckets as fit into the age.
    expect(await narrow.range("a", { last: minutes(5) })).toHaveLength(5);
    expect(await narrow.range("a", { from: now - hours(9), to: now - hours(8) })).toEqual([]);
  });

  it("refuse what has not happened yet, and leave it out", async () => {
    const series = open();
    const now = await serverTime();
    const late = series.increment("a", 1, { at: now + minutes(2), requestId: "r" });
    await expect(late).rejects.toMatchObject({ code: "OPTION", message: expect.stringContaining("`at`") });
    expect(await own()).toEqual([]);
    // A clock that is a little fast is forgiven.
    expect(await series.increment("a", 1, { at: now + 50_000, requestId: "r" })).toBe(1);
    const points = await series.range("a", { from: now, to: now + hours(1) });
    expect(points.length).toBeLessThanOrEqual(2);
    expect(await series.range("a", { from: now + hours(1), to: now + hours(2) })).toEqual([]);
  });

  it("cost one trip and few commands", async () => {
    const series = open({ bucket: days(1), keep: { age: days(400) } });
    await series.increment("a");
    await series.range("a", { last: days(1) });
    const start = await earlier(days(1));
    redis.reset();
    expect(await backend.count(() => series.increment("a"))).toEqual({
      evalsha: 1,
      get: 1,
      time: 1,
      hincrby: 1,
      pexpireat: 1,
      set: 1,
    });
    expect(await backend.count(() => series.range("a", { last: days(1) }))).toEqual({
      evalsha: 1,
      time: 1,
      hgetall: 1,
    });
    const long = { from: start, to: start + days(256) };
    expect(await backend.count(() => series.range("a", long))).toEqual({ evalsha: 1, time: 1, hgetall: 2 });
    expect(redis.counts().trips).toBe(3);
  });

  backend.it("give 10,080 buckets at once, and no more", async () => {
    const series = open({ bucket: seconds(1), keep: { age: hours(10) } });
    const start = (await earlier(seconds(1))) - seconds(10_080);
    const full = Array.from({ length: 256 }, (_, i) => (i % 2 === 0 ? i / 2 : most));
    const fill = Array.from({ length: 80 }, (_, i) => pageOf("a", 1_000, start + i * 128_000));
    for (const key of fill) await redis.send(["HSET", key, ...full]);
    for (const key of fill) await redis.send(["PEXPIRE", key, 600_000]);
    const points = await series.range("a", { from: start, to: start + seconds(10_080) });
    expect(points).toHaveLength(10_080);
    expect(points.every(({ value }) => value === most)).toBe(true);
    expect(await series.range("a", { last: seconds(10_080) })).toHaveLength(10_080);
    for (const range of [{ from: start, to: start + seconds(10_080) + 1 }, { last: seconds(10_081) }])
      await expect(series.range("a", range)).rejects.toMatchObject({ code: "OPTION" });
  });

  backend.itHasOwnClock("do not ask the caller's clock, however wrong it is", async () => {
    const series = open();
    const trueNow = Date.now;
    const now = await serverTime();
    const counts: number[] = [];
    try {
      for (const skew of [-days(3_650), -hours(5), -minutes(1), minutes(1), hours(5), days(3_650)]) {
        Date.now = () => trueNow() + skew;
        redis.reset();
        await series.increment("a");
        counts.push(redis.counts().trips);
        redis.reset();
        await series.range("a", { last: hours(4) });
        counts.push(redis.counts().trips);
      }
    } finally {
      Date.now = trueNow;
    }
    const points = await series.range("a", { last: hours(1) });
    expect(sum(points.filter(({ at }) => at > now - minutes(1)))).toBe(6);
    // A wrong clock costs a second trip, and only if it is wrong by more than a page.
    expect(counts).toEqual([2, 2, 2, 2, 1, 1, 1, 1, 2, 2, 2, 2]);
  });

  describe("an increment", () => {
    it.each([["now"], ["late"]])(
      "is made once where the network repeats it, with the same answer: %s",
      async (when) => {
        const series = open();
        const at = when === "late" ? await earlier(minutes(1)) : undefined;
        await series.increment("a", 10, { at });
        redis.runTwice();
        expect(await series.increment("a", 5, { at })).toBe(15);
        redis.loseReply();
        await expect(series.increment("a", 1, { at, requestId: "r" })).rejects.toMatchObject({ code: "CONNECTION" });
        expect(await series.increment("a", 1, { at, requestId: "r" })).toBe(16);
        await series.increment("a", 100, { at });
        expect(await series.increment("a", 1, { at, requestId: "r" })).toBe(16);
        expect(await series.increment("a", 0, { at })).toBe(116);
      },
    );

    it("counts in no second page where it comes again for another time", async () => {
      const series = open();
      const start = await earlier(minutes(1));
      expect(await series.increment("a", 3, { at: start - 1, requestId: "r" })).toBe(3);
      expect(await series.increment("a", 3, { at: start, requestId: "r" })).toBe(3);
      expect(await series.increment("a", 3, { requestId: "r" })).toBe(3);
      expect(await pages()).toHaveLength(1);
    });

    it("refuses to leave the numbers that are exact, and changes nothing", async () => {
      const series = open();
      const at = await earlier(minutes(1));
      for (const sign of [1, -1]) {
        expect(await series.increment("a", sign * most, { at })).toBe(sign * most);
        await expect(series.increment("a", sign, { at })).rejects.toMatchObject({ code: "OVERFLOW" });
        await expect(series.increment("a", sign * most, { at })).rejects.toMatchObject({ code: "OVERFLOW" });
        expect(await series.range("a", { from: at, to: at + 1 })).toEqual([{ at, value: sign * most }]);
        expect(await series.increment("a", -sign * most, { at })).toBe(0);
      }
    });

    it("changes nothing that is no page", async () => {
      const series = open();
      const at = await earlier(minutes(1));
      const key = pageOf("a", minutes(1), at);
      await redis.send(["SET", key, "v", "PX", 60_000]);
      await expect(series.increment("a", 1, { at, requestId: "r" })).rejects.toMatchObject({ code: "WRONGTYPE" });
      await expect(series.range("a", { from: at, to: at + 1 })).rejects.toMatchObject({ code: "WRONGTYPE" });
      expect(await own()).toEqual([key]);
      expect(await redis.send(["GET", key])).toBe("v");
      await redis.send(["DEL", key]);
      expect(await series.increment("a", 1, { at, requestId: "r" })).toBe(1);
    });

    it("changes nothing that is no count", async () => {
      const series = open();
      const at = await earlier(minutes(1));
      const key = pageOf("a", minutes(1), at);
      for (const foreign of ["abc", "1.5", "9223372036854775807", "-9223372036854775808"]) {
        await redis.send(["HSET", key, 0, foreign]);
        await redis.send(["PEXPIRE", key, 60_000]);
        // One whose text is a number leaves the bounds of a count, and that is the answer of its request.
        const isText = !/^-?\d+$/.test(foreign);
        for (const by of [1, -1]) {
          const call = { at, requestId: isText ? "r" : `${foreign} ${by}` };
          const failure: unknown = await series.increment("a", by, call).catch((error: unknown) => error);
          expect(failure).toMatchObject({
            code: expect.stringMatching(isText ? /^SHAPE$/ : /^(SHAPE|OVERFLOW)$/),
            message: expect.stringContaining("`a`"),
          });
        }
        await expect(series.range("a", { from: at, to: at + 1 })).rejects.toMatchObject({ code: "SHAPE" });
        expect(await redis.send(["HGET", key, 0])).toBe(foreign);
      }
      // Once the key is free, the same request is made: its failure was no answer.
      await redis.send(["DEL", key]);
      expect(await series.increment("a", 1, { at, requestId: "r" })).toBe(1);
    });
  });

  it("of one length of bucket are not seen in those of another", async () => {
    const series = open();
    const at = await earlier(hours(1));
    await series.increment("a", 5);
    const other = createSeries(redis, {
      prefix: `${backend.prefix}:${number}`,
      bucket: hours(1),
      keep: { age: days(7) },
    });
    expect(sum(await other.range("a", { last: days(1) }))).toBe(0);
    expect(await other.increment("a", 1, { at: at + days(16) })).toBe(1);
    expect(sum(await series.range("a", { last: days(1) }))).toBe(5);
  });

  it("of two lengths of bucket each count the same event once", async () => {
    const fine = open();
    const coarse = createSeries(redis, {
      prefix: `${backend.prefix}:${number}`,
      bucket: days(1),
      keep: { age: days(400) },
    });
    const at = await earlier(minutes(1));
    for (const series of [fine, coarse, fine, coarse]) {
      expect(await series.increment("a", 2, { at, requestId: "event" })).toBe(2);
    }
  });

  it("take the longest bucket, the greatest age and the latest instant", async () => {
    const series = open({ bucket: days(366), keep: { age: most } });
    expect(await series.increment("a", 1, { at: 0 })).toBe(1);
    expect(await series.increment("a")).toBe(1);
    expect(sum(await series.range("a", { from: 0, to: days(366) }))).toBe(1);
    expect(sum(await series.range("a", { last: days(366) * 10_080 }))).toBe(2);
    await expect(series.increment("a", 1, { at: most })).rejects.toMatchObject({ code: "OPTION" });
    const whole = await series.range("a", { from: most - 1, to: most });
    expect(whole).toEqual([]);
  });

  it("end a wait with its signal's reason", async () => {
    const series = open();
    const signal = AbortSignal.abort(new Error("left"));
    await expect(series.increment("a", 1, { signal })).rejects.toThrow("left");
    await expect(series.range("a", { last: hours(1), signal })).rejects.toThrow("left");
  });

  it("take ids and request ids of any text", async () => {
    const series = open();
    for (const id of ["a:b", "{x}", "*", "ü", "u".repeat(10_000), "%7B", "\n", "\ud800", "__proto__"]) {
      expect(await series.increment(id, 2, { requestId: id.slice(0, 256) })).toBe(2);
      expect(await series.increment(id, 2, { requestId: id.slice(0, 256) })).toBe(2);
      expect(sum(await series.range(id, { last: hours(1) }))).toBe(2);
    }
  });

  it.each<[name: string, call: (series: Series) => Promise<unknown>]>([
    ["by", (series) => series.increment("a", 0.5)],
    ["by", (series) => series.increment("a", most + 1)],
    ["by", (series) => series.increment("a", { at: 1 } as never)],
    ["at", (series) => series.increment("a", 1, { at: 0.5 })],
    ["at", (series) => series.increment("a", 1, { at: -1 })],
    ["at", (series) => series.increment("a", 1, { at: Number.NaN })],
    ["at", (series) => series.increment("a", 1, { at: null as never })],
    ["at", (series) => series.increment("a", 1, { at: new Date() as never })],
    ["options", (series) => series.increment("a", 1, 1_000 as never)],
    ["requestId", (series) => series.increment("a", 1, { requestId: 5 as never })],
    ["signal", (series) => series.increment("a", 1, { signal: null as never })],
    ["id", (series) => series.increment("")],
    ["id", (series) => series.range("", { last: hours(1) })],
    ["options", (series) => series.range("a", hours(1) as never)],
    ["options", (series) => series.range("a", undefined as never)],
    ["last", (series) => series.range("a", {} as never)],
    ["last", (series) => series.range("a", { last: 0 })],
    ["last", (series) => series.range("a", { last: null as never })],
    ["keep.age", (series) => series.range("a", { last: days(7) + 1 })],
    ["last", (series) => series.range("a", { last: 1, from: 1, to: 2 } as never)],
    ["from", (series) => series.range("a", { to: 2 } as never)],
    ["from", (series) => series.range("a", { from: 2, to: 2 })],
    ["to", (series) => series.range("a", { from: 2, to: Number.POSITIVE_INFINITY })],
    ["from", (series) => series.range("a", { from: new Date() as never, to: 2 })],
    ["signal", (series) => series.range("a", { last: hours(1), signal: {} as never })],
  ])("refuse what can never work, by its name, and send nothing: `%s`", async (name, call) => {
    const series = open();
    await expect(call(series)).rejects.toMatchObject({
      code: "OPTION",
      message: expect.stringContaining(`\`${name}\``),
    });
    expect(redis.counts().trips).toBe(0);
  });

  it("are told of an age that they would take", () => {
    const refused = () => open({ bucket: days(40), keep: { age: days(1) } });
    expect(refused).toThrow("`keep.age` must be at least one `bucket`, such as days(40)");
  });

  it.each<[name: string, options: object]>([
    ["bucket", { bucket: 999 }],
    ["bucket", { bucket: undefined }],
    ["bucket", { bucket: days(367) }],
    ["keep", { keep: undefined }],
    ["keep", { keep: null }],
    ["keep", { keep: days(7) }],
    ["keep.age", { keep: {} }],
    ["keep.age", { keep: { age: minutes(1) - 1 } }],
    ["keep.age", { keep: { age: minutes(1) * 1_000_001 } }],
    ["requestTtl", { requestTtl: 0 }],
    ["prefix", { prefix: "" }],
  ])("refuse an option that can never work, by its name: `%s` of %o", (name, options) => {
    expect(() => open(options)).toThrow(`\`${name}\``);
  });

  it("read what an earlier release stored, and store it as that did", async () => {
    const prefix = `${backend.prefix}:v1`;
    await restore(redis, seriesV1.keys, "series-v1", prefix);
    const options = { bucket: days(1), keep: { age: days(100_000) } };
    const series = createSeries(redis, { ...options, prefix });
    const { from, to, values } = seriesV1;
    expect((await series.range("visits", { from, to })).map(({ value }) => value)).toEqual(values);
    expect(await series.increment("visits", 9, { requestId: "r/{1}" })).toBe(4);
    const anew = createSeries(redis, { ...options, prefix: `${prefix}b` });
    for (const [i, value] of values.entries()) {
      const call = { at: from + days(i), ...(value === 4 && { requestId: "r/{1}" }) };
      if (value !== 0) await anew.increment("visits", value, call);
    }
    for (const [key, commands] of Object.entries(seriesV1.keys)) {
      const name = key.replace("series-v1", `${prefix}b`);
      const read = "SET" in commands ? (["GET", name] as const) : (["HGETALL", name] as const);
      const reply = await redis.send(read);
      expect({ [key]: "SET" in commands ? [reply] : reply }).toEqual({ [key]: Object.values(commands)[0] });
    }
  });
});
