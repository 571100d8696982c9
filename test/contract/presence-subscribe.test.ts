import { beforeAll, describe, expect, it } from "vitest";
import {
  createPresence,
  type LogGap,
  polling,
  type PresenceOptions,
  type PresenceSubscribeOptions,
  type Transition,
} from "../../src/core/patterns/presence/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { endVisits, keyOfRoom } from "../fixtures/presence-tools.ts";
import { type Backend, onEveryBackend, onEverySubscriber } from "../support/backends.ts";

/** Hears transitions, in short: `+ada -ada`. */
function createEar() {
  const heard: Transition<unknown>[] = [];
  const gaps: LogGap[] = [];
  let wake = () => {};
  return {
    heard,
    gaps,
    listener(transition: Transition<unknown>) {
      heard.push(transition);
      wake();
    },
    onGap: (gap: LogGap) => void gaps.push(gap),
    async until(count: number): Promise<string> {
      while (heard.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return heard.map(({ type, member }) => `${type === "joined" ? "+" : "-"}${member}`).join(" ");
    },
  };
}

/** What holds whichever way transitions arrive. */
function behave(backend: Backend, hear: () => Promise<PresenceOptions["subscriber"]>): void {
  let redis: Redis;
  let subscriber: PresenceOptions["subscriber"];
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
    subscriber = await hear();
  });
  const open = (options: Partial<PresenceOptions> = {}) =>
    createPresence<string>(redis, {
      prefix: `${backend.prefix}:s${(number += 1)}`,
      ttl: minutes(1),
      subscriber,
      ...options,
    });
  const prefix = () => `${backend.prefix}:s${number}`;

  it("hears who comes and goes in this room, from now on, in order and once", async () => {
    const online = open();
    await online.join("room", "early");
    const ear = createEar();
    const stop = await online.subscribe("room", ear.listener, { onGap: ear.onGap });
    const ada = await online.join("room", "ada", { data: "Ada" });
    await online.join("other", "eve");
    const again = await online.join("room", "ada");
    await again.leave();
    await ada.leave();
    await online.join("room", "bob");
    expect(await ear.until(3)).toBe("+ada -ada +bob");
    expect(ear.heard[0]).toEqual({
      type: "joined",
      member: "ada",
      at: expect.any(Number),
      data: "Ada",
      id: expect.stringMatching(/^\d{13}-\d+$/),
    });
    expect(ear.heard[1]).toEqual({
      type: "left",
      member: "ada",
      at: expect.any(Number),
      id: expect.stringMatching(/^\d{13}-\d+$/),
    });
    expect(ear.gaps).toEqual([]);
    await stop();
    await stop();
  });

  it("hears of a crash when anybody looks, and of its return", async () => {
    const online = open();
    const visit = await online.join("room", "ada");
    const ear = createEar();
    await using _ = await online.subscribe("room", ear.listener);
    await endVisits(redis, prefix(), "room");
    await online.count("room");
    expect(await ear.until(1)).toBe("-ada");
    expect(await visit.extend()).toEqual({ rejoined: true });
    expect(await ear.until(2)).toBe("-ada +ada");
  });

  it("misses nothing between a list and its subscription, and nothing while it was away", async () => {
    const online = open();
    const visit = await online.join("room", "ada");
    const { lastId } = await online.list("room");
    await visit.leave();
    await online.join("room", "bob");
    const ear = createEar();
    const stop = await online.subscribe("room", ear.listener, { from: lastId, onGap: ear.onGap });
    expect(await ear.until(2)).toBe("-ada +bob");
    await stop();
    await online.join("room", "eve");
    const later = createEar();
    const from = ear.heard[1]?.id ?? "";
    await using _ = await online.subscribe("room", later.listener, { from, onGap: later.onGap });
    expect(await later.until(1)).toBe("+eve");
    const whole = createEar();
    const stopWhole = await online.subscribe("room", whole.listener, { from: "beginning" });
    expect(await whole.until(4)).toBe("+ada -ada +bob +eve");
    expect([...ear.gaps, ...later.gaps]).toEqual([]);
    // A room that nobody ever entered begins at its first transition.
    const first = createEar();
    const { lastId: none } = await online.list("empty");
    await online.join("empty", "ada");
    const stopFirst = await online.subscribe("empty", first.listener, { from: none, onGap: first.onGap });
    expect([await first.until(1), first.gaps]).toEqual(["+ada", []]);
    await Promise.all([stopWhole(), stopFirst()]);
  });

  it("is told once of what is gone", async () => {
    const online = open();
    await online.join("room", "ada");
    const { lastId } = await online.list("room");
    await online.join("room", "bob");
    await redis.send(["DEL", keyOfRoom(prefix(), "room", "log")]);
    await online.join("room", "eve");
    const ear = createEar();
    await using _ = await online.subscribe("room", ear.listener, { from: lastId, onGap: ear.onGap });
    expect(await ear.until(1)).toBe("+eve");
    expect(ear.gaps).toEqual([{ from: lastId, to: expect.stringMatching(/^\d{13}-\d+$/) }]);
  });

  it("goes on after a listener that throws, now or later, and tells of it", async () => {
    const events: unknown[] = [];
    const online = open({ onEvent: (event) => events.push(event) });
    const ear = createEar();
    const listener = (transition: Transition<string>): unknown => {
      ear.listener(transition);
      if (transition.member === "ada") throw new Error("broken");
      return transition.member === "bob" ? Promise.reject(new Error("later")) : undefined;
    };
    await using _ = await online.subscribe("room", listener);
    for (const member of ["ada", "bob", "eve"]) await online.join("room", member);
    expect(await ear.until(3)).toBe("+ada +bob +eve");
    const failed = { pattern: "presence", type: "listener-failed", prefix: prefix(), id: "room" };
    expect(events).toEqual([
      { ...failed, error: new Error("broken") },
      { ...failed, error: new Error("later") },
    ]);
  });

  it("hears nothing after it was ended, by its function or by its signal", async () => {
    const online = open();
    const [one, other] = [createEar(), createEar()];
    const ending = new AbortController();
    const stop = await online.subscribe("room", one.listener);
    await online.subscribe("room", other.listener, { signal: ending.signal });
    await online.join("room", "ada");
    expect([await one.until(1), await other.until(1)]).toEqual(["+ada", "+ada"]);
    ending.abort();
    const stopping = stop();
    await online.join("room", "bob");
    await stopping;
    const last = createEar();
    await using _ = await online.subscribe("room", last.listener, { from: "beginning" });
    expect(await last.until(2)).toBe("+ada +bob");
    expect([one.heard.length, other.heard.length]).toEqual([1, 1]);
    await expect(online.subscribe("room", last.listener, { signal: ending.signal })).rejects.toThrow("abort");
  });

  it("skips what it cannot read, tells of it, and hears what follows", async () => {
    const events: string[] = [];
    const online = open({ onEvent: ({ type }) => events.push(type) });
    await online.join("room", "ada");
    const log = keyOfRoom(prefix(), "room", "log");
    const { lastId } = await online.list("room");
    const [ms = ""] = lastId.split("-");
    await redis.send(["XADD", log, `${Number(ms) + 1}-0`, "1", `${lastId} {"type":"waved"}`]);
    await redis.send(["XADD", log, `${Number(ms) + 2}-0`, "1", `${Number(ms) + 1}-0 no JSON`]);
    await redis.send(["SET", keyOfRoom(prefix(), "room", "last"), `${Number(ms) + 2}-0`, "PX", 60_000]);
    await online.join("room", "bob");
    const ear = createEar();
    await using _ = await online.subscribe("room", ear.listener, { from: "beginning", onGap: ear.onGap });
    expect(await ear.until(2)).toBe("+ada +bob");
    expect([events, ear.gaps]).toEqual([["message-refused", "message-refused"], []]);
  });

  it.each<[name: string, room: unknown, listener: unknown, options: unknown]>([
    ["room", "", () => {}, undefined],
    ["listener", "room", undefined, undefined],
    ["options", "room", () => {}, 5],
    ["from", "room", () => {}, { from: "yesterday" }],
    ["from", "room", () => {}, { from: null }],
    ["check", "room", () => {}, { check: 0 }],
    ["onGap", "room", () => {}, { onGap: 5 }],
    ["signal", "room", () => {}, { signal: {} }],
  ])("refuses what can never work: %s", async (name, room, listener, options) => {
    const subscribing = open().subscribe(room as string, listener as never, options as PresenceSubscribeOptions);
    await expect(subscribing).rejects.toMatchObject({
      code: "OPTION",
      message: expect.stringContaining(`\`${name}\``),
    });
  });
}

onEverySubscriber("a listener of presence", (backend) => {
  describe("by messages", () => {
    behave(backend, () => backend.listen());
  });

  it("sends no command while nothing happens, and none for what it hears", async () => {
    const counting = withFaults(await backend.connect());
    const subscriber: Subscriber = await backend.listen();
    const options = { prefix: `${backend.prefix}:idle`, ttl: minutes(1), subscriber };
    const ear = createEar();
    await using _ = await createPresence(counting, options).subscribe("room", ear.listener);
    const { trips } = counting.counts();
    const online = createPresence(await backend.connect(), options);
    const visit = await online.join("room", "ada");
    await visit.leave();
    expect(await ear.until(2)).toBe("+ada -ada");
    expect([trips, counting.counts().trips]).toEqual([1, 1]);
  });
});

onEveryBackend("a listener of presence, where there is neither a connection nor a stream,", (backend) => {
  describe("by polling", () => {
    behave(backend, async () => polling({ every: 5 }));
  });

  it("needs something to hear by", async () => {
    const online = createPresence(await backend.connect(), { prefix: `${backend.prefix}:deaf`, ttl: minutes(1) });
    await expect(online.subscribe("room", () => {})).rejects.toThrow("`subscriber` is needed");
  });
});
