import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { memory } from "../../src/adapters/memory/index.ts";
import { createPresence, keepAlive } from "../../src/core/patterns/presence/index.ts";
import { withFaults } from "../../src/testing/index.ts";

describe("keepAlive", () => {
  // The engine takes long to load.
  beforeAll(() => memory().send(["PING"]), 30_000);
  afterEach(() => vi.useRealTimers());

  /** A visit of 30 seconds under a clock that the test turns. */
  async function open() {
    const redis = withFaults(memory());
    const events: string[] = [];
    const online = createPresence(redis, { prefix: "p", ttl: 30_000, onEvent: ({ type }) => events.push(type) });
    await online.join("warm up", "scripts").then((visit) => visit.extend());
    const visit = await online.join("room", "ada");
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const extensions = async (ms: number) => {
      const before = redis.counts().trips;
      await vi.advanceTimersByTimeAsync(ms);
      // The engine answers by turns of the event loop.
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      return redis.counts().trips - before;
    };
    return { redis, events, online, visit, extensions };
  }

  it("extends three times in the time of a visit, until it is left", async () => {
    const { visit, extensions, online, redis } = await open();
    keepAlive(visit);
    expect(await extensions(9_999)).toBe(0);
    for (let i = 0; i < 4; i += 1) expect(await extensions(10_000)).toBe(1);
    redis.advance(29_000);
    expect(await online.count("room")).toEqual({ members: 1, visits: 1 });
    await visit.leave();
    expect(await extensions(120_000)).toBe(0);
  });

  it("ends when another process has left the visit, and does not bring it back", async () => {
    const { visit, extensions, online, events } = await open();
    keepAlive(visit);
    await online.resume("room", "ada", visit.id).leave();
    // It finds no visit, and is told why when it joins.
    expect(await extensions(10_000)).toBe(2);
    expect(await extensions(120_000)).toBe(0);
    expect(events).toEqual([]);
    expect(await online.count("room")).toEqual({ members: 0, visits: 0 });
  });

  it("ends when it is told to, twice if need be, or when its signal aborts", async () => {
    const { visit, extensions } = await open();
    const ending = new AbortController();
    const stop = keepAlive(visit, { every: 1_000 });
    keepAlive(visit, { every: 1_000, signal: ending.signal });
    keepAlive(visit, { every: 1_000, signal: AbortSignal.abort() });
    expect(await extensions(1_000)).toBe(2);
    stop();
    stop();
    expect(await extensions(1_000)).toBe(1);
    ending.abort();
    expect(await extensions(60_000)).toBe(0);
  });

  it("extends at least twice in the time of a visit, whatever it is told", async () => {
    const { visit, extensions } = await open();
    keepAlive(visit, { every: 3_600_000 });
    expect(await extensions(15_000)).toBe(1);
  });

  it("tells of a failure and tries again soon", async () => {
    const { redis, visit, extensions, events } = await open();
    keepAlive(visit);
    redis.loseReply(2);
    expect(await extensions(10_000)).toBe(1);
    expect(events).toEqual(["extend-failed"]);
    // Jittered, within a fourth of its period.
    expect(await extensions(2_500)).toBe(1);
    expect(events).toEqual(["extend-failed", "extend-failed"]);
    expect(await extensions(2_500)).toBe(1);
    expect(events).toHaveLength(2);
    expect(await extensions(10_000)).toBe(1);
  });
});
