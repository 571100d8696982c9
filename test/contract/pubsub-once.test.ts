import { beforeAll, describe, expect, it } from "vitest";
import type { PatternEvent } from "../../src/core/event.ts";
import { fireAndForget, polling, resumable } from "../../src/core/patterns/pubsub/index.ts";
import type { Redis, Reply } from "../../src/core/port/redis.ts";
import { text } from "../../src/core/port/reply.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import pubsubV1 from "../fixtures/pubsub-v1.json" with { type: "json" };
import { Heard, openResumable } from "../fixtures/channels.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("a publication", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (port = redis) =>
    openResumable<number>(port, { prefix: `${backend.prefix}:${(number += 1)}`, subscriber: polling({ every: 5 }) });
  const all = async (channels: ReturnType<typeof open>) => {
    const heard = new Heard<number>();
    await using _stop = await channels.subscribe("a", heard.listen, { from: "beginning" });
    return heard.data;
  };
  const key = (part: string) => `channel:${backend.prefix}:${number}:{a}:${part}`;

  it("whose reply was lost is one message, and has the id that it had", async () => {
    const faulty = withFaults(redis);
    const channels = open(faulty);
    faulty.loseReply(1);
    const error = await channels.publish("a", 1, { requestId: "r" }).catch((error: unknown) => error);
    const { id } = await channels.publish("a", 1, { requestId: "r" });
    expect(error).toMatchObject({ code: "CONNECTION" });
    expect(text((await redis.send(["GET", key("last")])) ?? "")).toBe(id);
    expect(await all(channels)).toEqual([1]);
  });

  it("that the client sends twice is one message", async () => {
    const faulty = withFaults(redis);
    const channels = open(faulty);
    faulty.runTwice(1);
    const { id } = await channels.publish("a", 1);
    expect(await redis.send(["GET", key("last")])).toBe(id);
    expect(await all(channels)).toEqual([1]);
  });

  it("with a requestId is made once, and each later call gets its answer, also of 50 at once", async () => {
    const channels = open();
    const calls = Array.from({ length: 50 }, (_, n) => channels.publish("a", n, { requestId: "mail:7" }));
    const ids = new Set((await Promise.all(calls)).map(({ id }) => id));
    expect(ids.size).toBe(1);
    const [one] = await all(channels);
    expect(await all(channels)).toEqual([one]);
    await channels.publish("a", 100, { requestId: "mail:8" });
    expect(await all(channels)).toEqual([one, 100]);
  });

  it("of several publishers at once has an order, and each its place in it", async () => {
    const channels = open();
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => channels.publish("a", n)));
    const ids = answers.map(({ id = "" }) => id);
    expect(new Set(ids).size).toBe(200);
    expect((await all(channels)).toSorted((one, other) => one - other)).toEqual(
      Array.from({ length: 200 }, (_, n) => n),
    );
  });

  it("is one script that keeps and announces, not two calls (not atomic)", async () => {
    const channels = open();
    await channels.publish("a", 0);
    const counts = await backend.count(async () => {
      await channels.publish("a", 1);
    });
    // `count` counts what is inside of the script, too.
    expect(counts).toEqual({
      evalsha: 1,
      get: 2,
      time: 1,
      xadd: 1,
      xrange: 1,
      pexpire: 1,
      set: 2,
      publish: 1,
    });
  });

  it("that is only announced costs one command", async () => {
    const channels = openResumable<number>(redis, { prefix: `${backend.prefix}:f`, delivery: fireAndForget() });
    const counts = await backend.count(async () => {
      expect(await channels.publish("a", 1)).toEqual({ id: undefined, receivers: 0 });
    });
    expect(counts).toEqual({ publish: 1 });
  });

  describe("of the first version", () => {
    const { name, data } = pubsubV1;

    it("is stored as it was", async () => {
      const channels = openResumable(redis, {
        prefix: `${backend.prefix}:v1`,
        delivery: resumable({ keep: { age: minutes(5), length: 100 } }),
      });
      for (const one of data) await channels.publish(name, one);
      const log = `channel:${backend.prefix}:v1:{${name}}:log`;
      const entries = (await redis.send(["XRANGE", log, "-", "+"])) as [string, string[]][];
      // The ids are those of today.
      const places = new Map(pubsubV1.log.map(([id = ""], i) => [id, entries[i]?.[0]]));
      const stored = pubsubV1.log.map(([id = "", field, value = ""]) => {
        const [previous = "", ...rest] = value.split(" ");
        return [places.get(id), [field, [places.get(previous) ?? previous, ...rest].join(" ")]];
      });
      expect(entries).toEqual(stored);
      expect(await redis.send(["GET", log.replace(/log$/, "last")])).toBe(places.get(pubsubV1.last));
    });

    it("is read by this one, with what it says of a gap", async () => {
      const prefix = `${backend.prefix}:read-v1`;
      const log = `channel:${prefix}:{${name}}:log`;
      for (const [id = "", field = "", value = ""] of pubsubV1.log) await redis.send(["XADD", log, id, field, value]);
      await redis.send(["PEXPIRE", log, 60_000]);
      await redis.send(["SET", log.replace(/log$/, "last"), pubsubV1.last, "PX", 60_000]);
      const channels = openResumable<unknown>(redis, { prefix, subscriber: polling({ every: 1_000 }) });
      const heard = new Heard<unknown>();
      await using _stop = await channels.subscribe(name, heard.listen, { from: "beginning" });
      expect(heard.data).toEqual(data);
      await redis.send(["XTRIM", log, "MAXLEN", "=", 1]);
      const late = new Heard<unknown>();
      const from = pubsubV1.log[0]?.[0];
      await using _late = await channels.subscribe(name, late.listen, { from, onGap: late.onGap });
      expect(late.all).toEqual(["gap", data.at(-1)]);
    });
  });

  it("that may not be announced is kept all the same, and said to be unannounced", async () => {
    const events: PatternEvent[] = [];
    // What a server answers whose user may not publish: see the suite of faults for a real one.
    const refusing: Redis = {
      ...redis,
      async send(command, options) {
        const reply: Reply = await redis.send(command, options);
        return typeof reply === "string" ? reply.replace(/ \d+$/, " !NOPERM no channels") : reply;
      },
    };
    const channels = openResumable<number>(refusing, {
      prefix: `${backend.prefix}:refused`,
      onEvent: (event) => void events.push(event),
    });
    expect(await channels.publish("a", 1)).toMatchObject({ id: expect.stringMatching(/^\d+-\d+$/), receivers: 0 });
    expect(events).toMatchObject([{ pattern: "channel", type: "unannounced", id: "a", error: { code: "NOPERM" } }]);
  });
});
