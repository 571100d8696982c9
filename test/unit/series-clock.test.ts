import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { memory, type Memory } from "../../src/adapters/memory/index.ts";
import { createCounters, createSeries, type SeriesOptions } from "../../src/core/patterns/counter/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { days, hours, minutes, seconds } from "../../src/core/time/duration.ts";
import { type Faults, withFaults } from "../../src/testing/index.ts";

// The engine's clock goes with `Date`, which stands still here, and `advance` moves it alone: it is then ahead of the caller's.
const midnight = Date.parse("2026-11-27T00:00:00Z");

describe("a series at the edges of its time", () => {
  let redis: Memory & Faults;
  let now = midnight;
  beforeEach(() => {
    redis = withFaults(memory({ timeout: 60_000 }));
    now = midnight;
    vi.spyOn(Date, "now").mockImplementation(() => now);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await redis.close();
  });
  const open = (options: Partial<SeriesOptions> = {}, port: Redis = redis) =>
    createSeries(port, { prefix: "p", bucket: minutes(1), keep: { age: hours(24) }, ...options });

  it("counts the last millisecond of a day in that day, and the first in the next", async () => {
    const series = open({ bucket: days(1), keep: { age: days(30) } });
    now = midnight - 1;
    await series.increment("a", 1);
    now = midnight;
    await series.increment("a", 10);
    const points = [
      { at: midnight - days(1), value: 1 },
      { at: midnight, value: 10 },
    ];
    expect(await series.range("a", { last: days(2) })).toEqual(points);
    expect(await series.range("a", { from: midnight - days(1), to: midnight })).toEqual(points.slice(0, 1));
    expect(await series.range("a", { last: days(1) + 1 })).toEqual(points);
    expect(await series.range("a", { last: 1 })).toEqual(points.slice(1));
  });

  it.each([seconds(1), minutes(1), 7_777])("changes the page at its millisecond, by buckets of %d", async (bucket) => {
    const series = open({ bucket, keep: { age: 1_000 * bucket } });
    const page = bucket * 128;
    const start = midnight - (midnight % page);
    now = start - 1;
    await series.increment("a", 1);
    now = start;
    await series.increment("a", 10);
    now = start + page - 1;
    await series.increment("a", 100);
    const points = await series.range("a", { last: 129 * bucket });
    expect(points).toHaveLength(129);
    expect([points[0], points[1], points[128]]).toEqual([
      { at: start - bucket, value: 1 },
      { at: start, value: 10 },
      { at: start + page - bucket, value: 100 },
    ]);
  });

  it.each([1, minutes(1), minutes(127), minutes(129), minutes(257), days(3), days(365)])(
    "takes the server's time, which is ahead of the caller's by %d ms",
    async (ahead) => {
      const series = open({ keep: { age: days(1) } });
      redis.advance(ahead);
      await series.increment("a", 5, { requestId: "r" });
      const points = await series.range("a", { last: hours(2) });
      const at = midnight + ahead - ((midnight + ahead) % minutes(1));
      expect(points).toHaveLength(120);
      expect(points[119]).toEqual({ at, value: 5 });
      expect(points.slice(0, 119).every(({ value }) => value === 0)).toBe(true);
    },
  );

  it("counts once what comes again after its page has ended", async () => {
    const series = open();
    expect(await series.increment("a", 1, { requestId: "r" })).toBe(1);
    for (const step of [minutes(1), minutes(128), minutes(600)]) {
      redis.advance(step);
      expect(await series.increment("a", 1, { requestId: "r" })).toBe(1);
    }
    const points = await series.range("a", { last: hours(24) });
    expect(points.filter(({ value }) => value !== 0)).toEqual([{ at: midnight, value: 1 }]);
  });

  it("counts once also where its request arrives twice around the end of its page", async () => {
    const series = open();
    await series.increment("b");
    const page = minutes(128);
    now = midnight - (midnight % page) + page - 1;
    const held = redis.holdRequest();
    const counting = series.increment("a");
    await held.reached;
    await held.arrive();
    now += seconds(59);
    await held.arrive();
    expect(await counting).toBe(1);
    const points = await series.range("a", { last: hours(24) });
    expect(points.reduce((sum, { value }) => sum + value, 0)).toBe(1);
  });

  it("shows a bucket until it is too old, and deletes its page with its last bucket", async () => {
    const series = open({ keep: { age: minutes(10) } });
    const page = minutes(128);
    const start = midnight - (midnight % page);
    now = start;
    await series.increment("a");
    const all = () => series.range("a", { from: start - hours(3), to: start + hours(3) });
    now = start + minutes(11) - 1;
    expect((await all())[0]).toEqual({ at: start, value: 1 });
    expect(await series.increment("a", 1, { at: start })).toBe(2);
    now = start + minutes(11);
    expect((await all())[0]).toEqual({ at: start + minutes(1), value: 0 });
    expect(await series.increment("a", 1, { at: start })).toBe(0);
    const key = `series:p:{a}:${page}:${start}`;
    now = start + page + minutes(10) - 1;
    expect(await redis.send(["HGETALL", key])).toEqual(["0", "2"]);
    now += 1;
    expect(await redis.send(["EXISTS", key])).toBe(0);
  });

  it("takes an instant that is ahead by one bucket, and none that is later", async () => {
    const series = open();
    expect(await series.increment("a", 1, { at: midnight + minutes(1) })).toBe(1);
    const late = series.increment("a", 1, { at: midnight + minutes(1) + 1 });
    await expect(late).rejects.toMatchObject({ code: "OPTION" });
    // It is seen once it has begun.
    expect(await series.range("a", { from: midnight, to: midnight + hours(1) })).toEqual([{ at: midnight, value: 0 }]);
    now += minutes(1);
    expect(await series.range("a", { last: minutes(2) })).toEqual([
      { at: midnight, value: 0 },
      { at: midnight + minutes(1), value: 1 },
    ]);
  });

  it("would be caught with a script that takes the first page, or the caller's time", async () => {
    const broken = (part: string, other: string): Redis => ({
      ...redis,
      send: ([name, ...args], options) => {
        if (name !== "EVALSHA" && name !== "EVAL") return redis.send([name, ...args], options);
        if (name === "EVALSHA") return redis.send(["EVALSHA", "0".repeat(40), ...args.slice(1)], options);
        expect(args[0]).toContain(part);
        return redis.send(["EVAL", String(args[0]).replace(part, () => other), ...args.slice(1)], options);
      },
    });
    for (const [part, other] of [
      ["pages[index + 1]", "pages[1]"],
      ["tonumber(at) or now", "tonumber(first)"],
    ] as const) {
      await open({ prefix: part }, broken(part, other)).increment("a");
      expect((await open({ prefix: part }).range("a", { last: minutes(1) }))[0]?.value).toBe(0);
    }
  });

  it("goes on where the server's time leaves the pages again and again while it is asked", async () => {
    const series = open();
    redis.advance(days(1));
    let steps = 0;
    const lagging: Redis = {
      ...redis,
      async send(command, options) {
        const reply = await redis.send(command, options);
        if (typeof reply === "string" && reply.startsWith("@") && (steps += 1) < 3) redis.advance(days(1));
        return reply;
      },
    };
    expect(await open({}, lagging).increment("a")).toBe(1);
    expect((await series.range("a", { last: hours(1) }))[59]?.value).toBe(1);
  });
});

describe("a counter", () => {
  it("ends `ttl` after its last change, to the millisecond", async () => {
    const redis = memory({ timeout: 60_000 });
    const counters = createCounters(redis, { prefix: "p", ttl: hours(1) });
    await counters.increment("a");
    redis.advance(minutes(59));
    await counters.increment("a");
    redis.advance(minutes(59));
    expect(await counters.get("a")).toBe(2);
    redis.advance(minutes(1));
    expect(await counters.get("a")).toBe(0);
    await redis.close();
  });
});
