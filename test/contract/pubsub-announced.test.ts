import { beforeAll, expect, it } from "vitest";
import type { PatternEvent } from "../../src/core/event.ts";
import { type ChannelOptions, createChannels, matching } from "../../src/core/patterns/pubsub/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import { expectHeard, Heard, openResumable, until, stopAfterEach } from "../fixtures/channels.ts";
import { onEverySubscriber } from "../support/backends.ts";

/** A pattern must be among those of the user, word for word. */
const userRights = ["&channel:app:users:{user:*}", "&channel:app:odd:{a\\**[bc]%25*}"];

onEverySubscriber(
  "a channel without a log",
  (backend) => {
    const stops = stopAfterEach();
    let redis: Redis;
    let subscriber: Subscriber;
    let number = 0;
    beforeAll(async () => {
      redis = await backend.connect();
      subscriber = await backend.listen();
    });
    const open = (options: Partial<ChannelOptions<number>> = {}) =>
      createChannels<number>(redis, { prefix: `${backend.prefix}:${(number += 1)}`, subscriber, ...options });

    it("tells who listens, and nobody else; in order, except on a Cluster", async () => {
      const channels = open();
      const heard = new Heard<number>();
      await channels.publish("a", 0);
      stops.push(await channels.subscribe(["a", "b"], heard.listen));
      await channels.publish("a", 1);
      await channels.publish("c", 2);
      // Each message goes through another node of a Cluster.
      if (backend.servers.length > 1) await expectHeard(heard, [1]);
      await channels.publish("a", 3);
      await expectHeard(heard, [1, 3]);
      expect(heard.messages[0]).toEqual({ name: "a", id: undefined, data: 1 });
    });

    it("is plain JSON on a channel of Redis, for programs in other languages", async () => {
      const channels = open();
      const heard = new Heard<number>();
      const channel = `channel:${backend.prefix}:${number}:{a%25}`;
      const raw: string[] = [];
      stops.push(await channels.subscribe("a%", heard.listen));
      const stop = await subscriber.subscribe(channel, (message) => raw.push(message));
      await channels.publish("a%", 1);
      await expectHeard(heard, [1]);
      await redis.send(["PUBLISH", channel, "2"]);
      await expectHeard(heard, [1, 2]);
      await until(() => expect(raw).toEqual(["1", "2"]));
      await stop();
    });

    it("matches names by patterns, with what has a meaning in them", async () => {
      const users = createChannels<number>(redis, { prefix: `${backend.prefix}:users`, subscriber });
      const odd = createChannels<number>(redis, { prefix: `${backend.prefix}:odd`, subscriber });
      const [one, two] = [new Heard<number>(), new Heard<number>()];
      stops.push(await users.subscribe(matching("user:*"), one.listen));
      stops.push(await odd.subscribe(matching("a\\**[bc]%*"), two.listen));
      await users.publish("user:1", 1);
      await users.publish("group:1", 2);
      await users.publish("user:a{b}", 3);
      for (const [place, name] of ["a*-c%{x", "ax-c%{x", "a*-d%{x", "a*b%"].entries()) await odd.publish(name, place);
      await until(() => expect(one.messages.map(({ name }) => name)).toEqual(["user:1", "user:a{b}"]));
      await until(() => expect(two.messages.map(({ name }) => name)).toEqual(["a*-c%{x", "a*b%"]));
    });

    it("gives messages to a loop, and fails a loop that is too slow for its buffer, after those that waited", async () => {
      const channels = open();
      const loop = channels.messages("a", { buffer: 2 });
      const first = loop.next();
      const heard = new Heard<number>();
      stops.push(await channels.subscribe("a", heard.listen));
      // The loop has subscribed on the same connection before.
      for (let n = 1; n <= 6; n += 1) await channels.publish("a", n);
      await expectHeard(heard, [1, 2, 3, 4, 5, 6]);
      const seen = [(await first).value?.data];
      const failure = await (async () => {
        for await (const { data } of loop) seen.push(data);
      })().catch((error: unknown) => error);
      expect(failure).toMatchObject({
        code: "SLOW_CONSUMER",
        buffer: 2,
        message: expect.stringContaining("resumable()"),
      });
      expect(seen.slice(0, 2)).toEqual([1, 2]);
      expect(seen).toHaveLength(new Set(seen).size);
    });

    it("ends a loop by its signal, and a loop that never turns subscribes to nothing", async () => {
      const channels = open();
      const end = new AbortController();
      channels.messages("b");
      const loop = channels.messages("a", { signal: end.signal });
      const first = loop.next();
      const heard = new Heard<number>();
      stops.push(await channels.subscribe("a", heard.listen));
      await channels.publish("a", 1);
      expect((await first).value).toMatchObject({ data: 1 });
      const next = loop.next();
      end.abort();
      expect(await next).toEqual({ done: true, value: undefined });
    });

    it("says that a message was refused, and goes on (a non-JSON message dropped in silence)", async () => {
      const events: PatternEvent[] = [];
      const channels = open({ onEvent: (event) => void events.push(event) });
      const heard = new Heard<number>();
      stops.push(await channels.subscribe("a", heard.listen));
      await redis.send(["PUBLISH", `channel:${backend.prefix}:${number}:{a}`, "no JSON"]);
      // Who keeps messages under the same prefix writes them in another way.
      await openResumable<number>(redis, { prefix: `${backend.prefix}:${number}` }).publish("a", 1);
      await channels.publish("a", 2);
      await expectHeard(heard, [2]);
      expect(events.map(({ type, id }) => `${type} ${id}`)).toEqual(["message-refused a", "message-refused a"]);
      expect(String(events[1]?.error)).toContain("`delivery`");
    });

    it("delivers without a command: an idle subscriber costs nothing, with or without a log", async () => {
      const announced = open();
      const kept = openResumable<number>(redis, { prefix: `${backend.prefix}:${number}:kept`, subscriber });
      const [one, two] = [new Heard<number>(), new Heard<number>()];
      stops.push(await announced.subscribe("a", one.listen));
      stops.push(await kept.subscribe("a", two.listen));
      await kept.publish("a", 0);
      const counts = await backend.count(async () => {
        await announced.publish("a", 1);
        await kept.publish("a", 1);
        await expectHeard(one, [1]);
        await expectHeard(two, [0, 1]);
      });
      // The two publications alone: see the suite of publications.
      expect(counts).toEqual({ evalsha: 1, get: 2, time: 1, xadd: 1, xrange: 1, pexpire: 1, set: 2, publish: 2 });
    });
  },
  userRights,
);
