import { beforeAll, expect, it } from "vitest";
import {
  createPresence,
  keepAlive,
  type Presence,
  type PresenceOptions,
} from "../../src/core/patterns/presence/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { days, minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("options of presence", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<PresenceOptions> = {}, port = redis) =>
    createPresence(port, { prefix: `${backend.prefix}:${(number += 1)}`, ttl: minutes(1), ...options });

  it.each<[name: string, options: object | null | number]>([
    ["options", null],
    ["options", 5],
    ["prefix", { prefix: "" }],
    ["prefix", { prefix: "a{b" }],
    ["ttl", { ttl: undefined }],
    ["ttl", { ttl: 0 }],
    ["ttl", { ttl: null }],
    ["ttl", { ttl: Number.NaN }],
    ["ttl", { ttl: "permanent" }],
    ["ttl", { ttl: days(31) }],
    ["keep", { keep: null }],
    ["keep", { keep: 5 }],
    ["keep.age", { keep: { age: 0 } }],
    ["keep.length", { keep: { length: 0.5 } }],
    ["maxBytes", { maxBytes: 0 }],
    ["requestTtl", { requestTtl: -1 }],
    ["subscriber", { subscriber: {} }],
  ])("that can never work are named when the factory is called: %s of %j", (name, options) => {
    const all = typeof options === "object" && options ? { prefix: "p", ttl: 1_000, ...options } : options;
    expect(() => createPresence(redis, all as never)).toThrow(expect.objectContaining({ code: "OPTION" }));
    expect(() => createPresence(redis, all as never)).toThrow(`\`${name}\``);
  });

  const wrong: readonly (readonly [name: string, call: (online: Presence<unknown>) => unknown])[] = [
    ["room", (online) => online.join("", "ada")],
    ["room", (online) => online.list(7 as never)],
    ["id", (online) => online.count("x".repeat(10_241))],
    ["member", (online) => online.join("room", "")],
    ["member", (online) => online.join("room", { id: "ada" } as never)],
    ["member", (online) => online.join("room", "x".repeat(1_025))],
    ["member", (online) => online.get("room", undefined as never)],
    ["data.at", (online) => online.join("room", "ada", { data: { at: new Date(0) } })],
    ["data", (online) => online.join("room", "ada", { data: () => 1 })],
    ["options", (online) => online.join("room", "ada", "data" as never)],
    ["options", (online) => online.join("room", "ada", null as never)],
    ["requestId", (online) => online.join("room", "ada", { requestId: "" })],
    ["requestId", (online) => online.join("room", "ada", { requestId: "r".repeat(257) })],
    ["signal", (online) => online.join("room", "ada", { signal: {} as never })],
    ["limit", (online) => online.list("room", { limit: 0 })],
    ["limit", (online) => online.list("room", { limit: 1_001 })],
    ["limit", (online) => online.list("room", { limit: null as never })],
    ["cursor", (online) => online.list("room", { cursor: "next" })],
    ["cursor", (online) => online.list("room", { cursor: "0" })],
    ["cursor", (online) => online.list("room", { cursor: "1".repeat(17) })],
    ["options", (online) => online.list("room", 5 as never)],
    ["options", (online) => online.count("room", 5 as never)],
    ["signal", (online) => online.get("room", "ada", { signal: 5 as never })],
    ["visitId", async (online) => online.resume("room", "ada", "")],
    ["visitId", async (online) => online.resume("room", "ada", "a:b")],
    ["visitId", async (online) => online.resume("room", "ada", undefined as never)],
    ["member", async (online) => online.resume("room", "", "v")],
    ["room", async (online) => online.resume("", "ada", "v")],
    ["options", async (online) => online.resume("room", "ada", "v", 5 as never)],
    ["options", (online) => online.resume("room", "ada", "v").extend(5 as never)],
    ["signal", (online) => online.resume("room", "ada", "v").leave({ signal: 5 as never })],
    ["visit", async () => keepAlive({} as never)],
    ["every", async (online) => keepAlive(online.resume("room", "ada", "v"), { every: 0 })],
    ["options", async (online) => keepAlive(online.resume("room", "ada", "v"), 5 as never)],
  ];

  it("of a call are named, too, and nothing is sent", async () => {
    const counting = withFaults(redis);
    const online = open({}, counting);
    for (const [name, call] of wrong) {
      const error: unknown = await Promise.resolve(call(online)).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "OPTION", message: expect.stringContaining(`\`${name}\``) });
    }
    expect(counting.counts().trips).toBe(0);
  });

  it("bound the size of the data, in bytes and not in characters", async () => {
    const online = open({ maxBytes: 11 });
    await online.join("room", "ada", { data: "漢漢漢" });
    await expect(online.join("room", "ada", { data: "漢漢漢漢" })).rejects.toMatchObject({ code: "TOO_LARGE" });
    await expect(open().join("room", "ada", { data: "x".repeat(1_000) })).rejects.toMatchObject({ code: "TOO_LARGE" });
  });

  it("let a caller leave before a call, and nothing is sent, or while it waits", async () => {
    const counting = withFaults(redis);
    const online = open({}, counting);
    const signal = AbortSignal.abort(new Error("left"));
    const visit = online.resume("room", "ada", "v");
    for (const call of [
      () => online.join("room", "ada", { signal }),
      () => online.list("room", { signal }),
      () => online.get("room", "ada", { signal }),
      () => online.count("room", { signal }),
      () => visit.extend({ signal }),
      () => visit.leave({ signal }),
    ]) {
      await expect(call()).rejects.toThrow("left");
    }
    expect(counting.counts().trips).toBe(0);
    const leaving = new AbortController();
    const held = counting.holdReply();
    const joining = online.join("room", "ada", { signal: leaving.signal, requestId: "r" });
    await held.reached;
    leaving.abort(new Error("left later"));
    await expect(joining).rejects.toThrow("left later");
    // The visit has begun all the same, and the same call gives it.
    expect(await online.count("room")).toEqual({ members: 1, visits: 1 });
    expect(await (await online.join("room", "ada", { requestId: "r" })).leave()).toBe(true);
    expect(await online.count("room")).toEqual({ members: 0, visits: 0 });
  });

  it("do nothing when the factory is called: no trip", () => {
    const counting = withFaults(redis);
    open({}, counting);
    expect(counting.counts().trips).toBe(0);
  });

  it("take no word for a number, and keep a room that another instance has written", async () => {
    const online = open();
    await online.join("room", "ada", { data: 1 });
    const other = createPresence<number>(redis, { prefix: `${backend.prefix}:${number}`, ttl: 2_000, maxBytes: 5 });
    expect(await other.get("room", "ada")).toMatchObject({ data: 1 });
    await other.join("room", "ada");
    expect(await online.count("room")).toEqual({ members: 1, visits: 2 });
  });
});
