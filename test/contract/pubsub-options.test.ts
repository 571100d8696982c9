import { beforeAll, expect, it } from "vitest";
import {
  type ChannelOptions,
  createChannels,
  type Delivery,
  fireAndForget,
  matching,
  polling,
  resumable,
} from "../../src/core/patterns/pubsub/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import { openResumable } from "../fixtures/channels.ts";
import { onEveryBackend } from "../support/backends.ts";

const hearNothing = async () => async () => {};
const deaf: Subscriber = { subscribe: hearNothing, psubscribe: hearNothing };
const wrong = <T>(value: unknown) => value as T;

onEveryBackend("the options of channels", (backend) => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const prefix = () => `${backend.prefix}:o`;
  const announced = () => createChannels<unknown>(redis, { prefix: prefix(), subscriber: deaf });
  const kept = (options: Partial<ChannelOptions<unknown>> = {}) =>
    openResumable<unknown>(redis, { prefix: prefix(), subscriber: polling({ every: 1_000 }), ...options });
  const option = (named: string) => ({ code: "OPTION", message: expect.stringContaining(named) });

  it("are refused where they can never work", () => {
    const create = (options: object) => () =>
      createChannels(redis, wrong<ChannelOptions>({ prefix: prefix(), ...options }));
    const rows: readonly (readonly [() => unknown, string])[] = [
      [create({ prefix: "" }), "prefix"],
      [create({ prefix: "{a}" }), "prefix"],
      [create({ subscriber: null }), "subscriber"],
      [create({ subscriber: { subscribe() {}, psubscribe() {}, publish() {} } }), "ioredisSubscriber"],
      [create({ subscriber: { every: 5 } }), "polling({ every })"],
      [create({ delivery: "resumable" }), "delivery"],
      [create({ delivery: wrong<Delivery>(resumable) }), "delivery"],
      [create({ codec: {} }), "codec"],
      [create({ schema: {} }), "schema"],
      [create({ maxBytes: 0 }), "maxBytes"],
      [create({ requestTtl: Number.NaN }), "requestTtl"],
      [create({ onEvent: 1 }), "onEvent"],
      [() => resumable(wrong(5)), "options"],
      [() => resumable({ keep: wrong(5) }), "keep"],
      [() => resumable({ keep: { age: 0 } }), "keep.age"],
      [() => resumable({ keep: { length: 1.5 } }), "keep.length"],
      [() => polling(wrong(undefined)), "every"],
      [() => polling({ every: 0 }), "every"],
      [() => matching(""), "pattern"],
      [() => matching("a[bc"), "brackets"],
      [() => matching("a[{]"), "brackets"],
      [() => matching("x".repeat(10_241)), "pattern"],
    ];
    for (const [call, named] of rows) expect(call, named).toThrow(expect.objectContaining(option(named)));
  });

  it("of a call are refused where they can never work, and nothing is sent", async () => {
    const rows: readonly (readonly [() => Promise<unknown>, string])[] = [
      [() => kept().publish("", 1), "name"],
      [() => kept().publish(wrong(7), 1), "name"],
      [() => kept().publish("x".repeat(10_241), 1), "name"],
      [() => kept().publish("a", undefined), "message"],
      [() => kept().publish("a", { at: new Date() }), "message.at"],
      [() => kept().publish("a", 1, wrong("r")), "options"],
      [() => kept().publish("a", 1, { requestId: "" }), "requestId"],
      [() => announced().publish("a", 1, { requestId: "r" }), "resumable()"],
      [() => kept().subscribe("a", wrong(undefined)), "listener"],
      [() => kept().subscribe([], () => {}), "names"],
      [() => kept().subscribe([""], () => {}), "name"],
      [() => kept().subscribe(wrong({ pattern: "*" }), () => {}), "names"],
      [() => kept().subscribe("a", () => {}, { from: "5" }), "from"],
      [() => kept().subscribe("a", () => {}, { from: "5-18446744073709551616" }), "from"],
      [() => kept().subscribe(["a", "b"], () => {}, { from: "5-5" }), "one name"],
      [() => kept().subscribe("a", () => {}, { check: -1 }), "check"],
      [() => kept().subscribe("a", () => {}, { onGap: wrong(1) }), "onGap"],
      [() => kept().subscribe("a", () => {}, { onReconnect: wrong(1) }), "onReconnect"],
      [() => kept().subscribe("a", () => {}, wrong(5)), "options"],
      [() => kept().subscribe(matching("*"), () => {}), "matching"],
      [() => kept({ subscriber: deaf }).subscribe(matching("*"), () => {}, { from: "beginning" }), "matching"],
      [() => kept({ subscriber: undefined }).subscribe("a", () => {}), "subscriber"],
      [() => announced().subscribe("a", () => {}, { from: "beginning" }), "resumable()"],
      [() => announced().subscribe("a", () => {}, { check: 5 }), "resumable()"],
      [() => announced().subscribe("a", () => {}, { onGap: () => {} }), "resumable()"],
      [() => kept({ delivery: fireAndForget() }).subscribe("a", () => {}), "resumable()"],
      [() => kept().messages("a", { buffer: 0 }).next(), "buffer"],
      [() => kept().messages("a", { from: "x" }).next(), "from"],
    ];
    const counts = await backend.count(async () => {
      for (const [call, named] of rows) await expect(call(), named).rejects.toMatchObject(option(named));
    });
    expect(counts).toEqual({});
  });

  it("refuse a message over maxBytes, and say to store a reference", async () => {
    for (const channels of [announced(), kept()]) {
      await expect(channels.publish("a", "x".repeat(100_000))).rejects.toMatchObject({
        code: "TOO_LARGE",
        message: expect.stringContaining("store a reference"),
      });
    }
    const codec = { name: "plain", encode: String, decode: String };
    await expect(kept({ codec, maxBytes: 20 }).publish("a", "x".repeat(20))).rejects.toMatchObject({
      code: "TOO_LARGE",
    });
    expect(await kept().publish("a", "ü".repeat(49_000))).toMatchObject({ receivers: 0 });
  });

  it("end a call by its signal before anything is sent, and a subscription while it begins", async () => {
    const signal = AbortSignal.abort(new Error("left"));
    await expect(kept().publish("a", 1, { signal })).rejects.toThrow("left");
    await expect(kept().subscribe("a", () => {}, { signal })).rejects.toThrow("left");
    expect(await kept().messages("a", { signal }).next()).toEqual({ done: true, value: undefined });
  });

  it("take a browser's `from` of two numbers of 64 bits", async () => {
    const told: unknown[] = [];
    const stop = await kept().subscribe("none", () => {}, {
      from: "18446744073709551615-18446744073709551615",
      onGap: (gap) => told.push(gap),
    });
    expect(told).toMatchObject([{ name: "none", to: "0-0" }]);
    await stop();
  });
});
