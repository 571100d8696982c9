import { beforeAll, describe, expect, it } from "vitest";
import type { PatternEvent } from "../../src/core/event.ts";
import {
  type ChannelOptions,
  matching,
  type Polling,
  polling,
  resumable,
} from "../../src/core/patterns/pubsub/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer, text } from "../../src/core/port/reply.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { expectHeard, Heard, openResumable, subscriberOf, until, stopAfterEach } from "../fixtures/channels.ts";
import { onEveryBackend } from "../support/backends.ts";

/** A pattern must be among those of the user, word for word. */
const userRights = ["&channel:app:users:{user:*}"];

onEveryBackend(
  "a resumable channel",
  (backend) => {
    const stops = stopAfterEach();
    let redis: Redis;
    let subscriber: Subscriber | Polling;
    let number = 0;
    beforeAll(async () => {
      redis = await backend.connect();
      subscriber = await subscriberOf(backend);
    });
    const open = (options: Partial<ChannelOptions<number>> = {}, port = redis) =>
      openResumable<number>(port, { prefix: `${backend.prefix}:${(number += 1)}`, subscriber, ...options });
    const again = (options: Partial<ChannelOptions<number>> = {}, port = redis) =>
      openResumable<number>(port, { prefix: `${backend.prefix}:${number}`, subscriber, ...options });
    const key = (part: string, name = "a") => `channel:${backend.prefix}:${number}:{${name}}:${part}`;
    const fill = async (channels: ReturnType<typeof open>, from: number, to: number, name = "a") => {
      const ids: string[] = [];
      for (let n = from; n <= to; n += 1) ids.push((await channels.publish(name, n)).id ?? "");
      return ids;
    };
    /** As `fill`, and no message is still on its way: between the nodes of a Cluster one is for a while. */
    const fillHeard = async (channels: ReturnType<typeof open>, to: number) => {
      const heard = new Heard<number>();
      const stop = await channels.subscribe("a", heard.listen);
      const ids = await fill(channels, 1, to);
      await expectHeard(
        heard,
        ids.map((_, i) => i + 1),
      );
      await stop();
      return ids;
    };
    /** Forgets all but the last entries, as trimming does. */
    const trim = (length: number) => redis.send(["XTRIM", key("log"), "MAXLEN", "=", length]);

    it("tells what is published, in order, with the ids that publish gave", async () => {
      const channels = open();
      const heard = new Heard<number>();
      stops.push(await channels.subscribe("a", heard.listen));
      const ids = await fill(channels, 1, 5);
      await expectHeard(heard, [1, 2, 3, 4, 5]);
      expect(heard.messages).toEqual(ids.map((id, i) => ({ name: "a", id, data: i + 1 })));
      expect(ids.every((id) => /^\d{13}-\d+$/.test(id))).toBe(true);
    });

    it("begins now, at the beginning, or after an id", async () => {
      const channels = open();
      const [, second = ""] = await fill(channels, 1, 3);
      const [now, all, after] = [new Heard<number>(), new Heard<number>(), new Heard<number>()];
      stops.push(await channels.subscribe("a", now.listen, { onGap: now.onGap }));
      stops.push(await channels.subscribe("a", all.listen, { from: "beginning", onGap: all.onGap }));
      stops.push(await channels.subscribe("a", after.listen, { from: second, onGap: after.onGap }));
      await fill(channels, 4, 4);
      await expectHeard(now, [4]);
      await expectHeard(all, [1, 2, 3, 4]);
      await expectHeard(after, [3, 4]);
    });

    it("loses nothing between its confirmation and the first read, nor repeats it", async () => {
      const channels = open();
      const heard = new Heard<number>();
      const publishing = fill(channels, 1, 30);
      stops.push(await channels.subscribe("a", heard.listen, { onGap: heard.onGap }));
      await publishing;
      await fill(channels, 31, 31);
      await until(() => expect(heard.data.at(-1)).toBe(31));
      const [first = 31] = heard.data;
      expect(heard.all).toEqual(Array.from({ length: 32 - first }, (_, i) => first + i));
    });

    it("goes on where a loop was left", async () => {
      const channels = open();
      await fill(channels, 1, 6);
      const seen: number[] = [];
      let last = "";
      for await (const { data, id } of channels.messages("a", { from: "beginning" })) {
        seen.push(data);
        last = id ?? "";
        if (data === 3) break;
      }
      for await (const { data } of channels.messages("a", { from: last })) {
        seen.push(data);
        if (data === 6) break;
      }
      expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    });

    it("gives a slow loop with a small buffer every message, from the log", async () => {
      const channels = open();
      const end = new AbortController();
      const seen: number[] = [];
      const loop = (async () => {
        for await (const { data } of channels.messages("a", { from: "beginning", buffer: 2, signal: end.signal })) {
          seen.push(data);
          if (data % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
        }
      })();
      await fill(channels, 1, 60);
      await until(() => expect(seen).toHaveLength(60));
      end.abort();
      await loop;
      expect(seen).toEqual(Array.from({ length: 60 }, (_, i) => i + 1));
    });

    it("follows several channels, each by itself, and a name that is given twice once", async () => {
      const channels = open();
      const heard = new Heard<number>();
      stops.push(await channels.subscribe(["a", "b", "a"], heard.listen));
      await channels.publish("a", 1);
      await channels.publish("b", 2);
      await channels.publish("c", 3);
      await until(() => expect(heard.messages).toHaveLength(2));
      expect(heard.messages.map(({ name, data }) => `${name}${data}`).join()).toMatch(/^(a1,b2|b2,a1)$/);
    });

    it("stops: nothing is told after the call, and the signal stops it as well", async () => {
      const channels = open();
      const [one, two] = [new Heard<number>(), new Heard<number>()];
      const end = new AbortController();
      const stop = await channels.subscribe("a", one.listen);
      await channels.subscribe("a", two.listen, { signal: end.signal });
      await channels.publish("a", 1);
      await expectHeard(one, [1]);
      await expectHeard(two, [1]);
      await stop();
      await stop();
      end.abort();
      const last = new Heard<number>();
      stops.push(await channels.subscribe("a", last.listen));
      await channels.publish("a", 2);
      await expectHeard(last, [2]);
      expect([one.data, two.data]).toEqual([[1], [1]]);
    });

    it("may be stopped by its own listener, and tells it no more of what was read together", async () => {
      const channels = open();
      await fill(channels, 1, 5);
      const end = new AbortController();
      const seen: number[] = [];
      const started = channels.subscribe(
        "a",
        ({ data }) => {
          seen.push(data);
          if (data === 2) end.abort();
        },
        { from: "beginning", signal: end.signal },
      );
      await started.catch(() => {});
      await fill(channels, 6, 6);
      expect(seen).toEqual([1, 2]);
    });

    describe("whose messages were trimmed", () => {
      it("tells of the gap once, before the message that follows it", async () => {
        const channels = open();
        const [one = "", , three = ""] = await fillHeard(channels, 5);
        await trim(2);
        const heard = new Heard<number>();
        stops.push(await channels.subscribe("a", heard.listen, { from: one, onGap: heard.onGap }));
        await expectHeard(heard, ["gap", 4, 5]);
        expect(heard.gaps).toEqual([{ name: "a", from: one, to: three }]);
        await fill(channels, 6, 6);
        await expectHeard(heard, ["gap", 4, 5, 6]);
      });

      it("tells of no gap to who begins now or at the beginning, nor where the last message seen is the last one trimmed", async () => {
        const channels = open();
        const [, , three = ""] = await fillHeard(channels, 5);
        await trim(2);
        for (const from of ["beginning", three]) {
          const heard = new Heard<number>();
          stops.push(await channels.subscribe("a", heard.listen, { from, onGap: heard.onGap }));
          await expectHeard(heard, [4, 5]);
        }
      });

      it("tells of a gap at the end: all messages are too old", async () => {
        const channels = open();
        const [one = "", , three = ""] = await fillHeard(channels, 3);
        await redis.send(["DEL", key("log")]);
        const heard = new Heard<number>();
        stops.push(await channels.subscribe("a", heard.listen, { from: one, onGap: heard.onGap }));
        await expectHeard(heard, ["gap"]);
        expect(heard.gaps).toEqual([{ name: "a", from: one, to: three }]);
        await fill(channels, 4, 4);
        await expectHeard(heard, ["gap", 4]);
      });

      it("tells a loop of the gap in its place, and waits until that was heard", async () => {
        const channels = open();
        const [one = ""] = await fillHeard(channels, 5);
        await trim(2);
        const order: unknown[] = [];
        const onGap = async () => {
          await Promise.resolve();
          order.push("gap");
        };
        for await (const { data } of channels.messages("a", { from: one, onGap })) {
          order.push(data);
          if (data === 5) break;
        }
        expect(order).toEqual(["gap", 4, 5]);
      });

      it("throws what onGap throws out of a loop", async () => {
        const channels = open();
        const [one = ""] = await fillHeard(channels, 5);
        await trim(2);
        const onGap = () => Promise.reject(new Error("reload"));
        await expect(channels.messages("a", { from: one, onGap }).next()).rejects.toThrow("reload");
      });
    });

    it("tells once that the history was lost, and goes on with the new one", async () => {
      const channels = open();
      const heard = new Heard<number>();
      stops.push(await channels.subscribe("a", heard.listen, { onGap: heard.onGap }));
      const [, two = ""] = await fillHeard(channels, 2);
      await expectHeard(heard, [1, 2]);
      await redis.send(["DEL", key("log"), key("last")]);
      if (subscriber instanceof Object && "every" in subscriber) await expectHeard(heard, [1, 2, "gap"]);
      await fill(channels, 3, 4);
      await expectHeard(heard, [1, 2, "gap", 3, 4]);
      expect(heard.gaps).toEqual([{ name: "a", from: two, to: "0-0" }]);
    });

    it("goes on with a new history whose ids are lower: the server's clock was set back, too", async () => {
      const channels = open();
      // What a server wrote whose clock was ahead.
      const ahead = `${Date.now() + 3_600_000}-0`;
      await redis.send(["XADD", key("log"), ahead, "1", "0-0 1"]);
      await redis.send(["SET", key("last"), ahead, "PX", 60_000]);
      await redis.send(["PEXPIRE", key("log"), 60_000]);
      const heard = new Heard<number>();
      stops.push(await channels.subscribe("a", heard.listen, { from: "beginning", onGap: heard.onGap }));
      await expectHeard(heard, [1]);
      await redis.send(["DEL", key("log"), key("last")]);
      if ("every" in subscriber) await expectHeard(heard, [1, "gap"]);
      const ids = await fill(channels, 2, 3);
      await expectHeard(heard, [1, "gap", 2, 3]);
      expect(heard.gaps).toEqual([{ name: "a", from: ahead, to: "0-0" }]);
      expect(ids.every((id) => id < ahead)).toBe(true);
    });

    it("gives ids above the last one, also if the server's clock was set back", async () => {
      const channels = open();
      const ahead = Date.now() + 3_600_000;
      await redis.send(["SET", key("last"), `${ahead}-7`, "PX", 60_000]);
      expect(await fillHeard(channels, 2)).toEqual([`${ahead}-8`, `${ahead}-9`]);
      const heard = new Heard<number>();
      stops.push(
        await channels.subscribe("a", heard.listen, {
          from: `${ahead}-7`,
          onGap: heard.onGap,
        }),
      );
      await expectHeard(heard, [1, 2]);
    });

    it("goes on where the last id alone was evicted", async () => {
      const channels = open();
      const heard = new Heard<number>();
      stops.push(await channels.subscribe("a", heard.listen, { onGap: heard.onGap }));
      await fillHeard(channels, 2);
      await redis.send(["DEL", key("last")]);
      await fill(channels, 3, 3);
      await expectHeard(heard, [1, 2, 3]);
    });

    backend.it(
      "keeps about as many messages as it may, and none that is too old (no default trim or TTL)",
      async () => {
        const short = open({ delivery: resumable({ keep: { length: 10, age: minutes(5) } }) });
        await Promise.all(Array.from({ length: 250 }, (_, n) => short.publish("a", n)));
        const length = integer(await redis.send(["XLEN", key("log")]));
        expect(length).toBeGreaterThanOrEqual(10);
        expect(length).toBeLessThanOrEqual(110);
        for (const [part, most] of [["log", minutes(5)] as const, ["last", minutes(5) + hours(24)] as const]) {
          const left = integer(await redis.send(["PTTL", key(part)]));
          expect(left).toBeLessThanOrEqual(most);
          expect(left).toBeGreaterThan(most - minutes(1));
        }
        const old = `${Date.now() - minutes(10)}-0`;
        const name = "old";
        await redis.send(["XADD", key("log", name), old, "1", "0-0 1"]);
        await redis.send(["PEXPIRE", key("log", name), 60_000]);
        await short.publish(name, 2);
        expect(await redis.send(["XRANGE", key("log", name), "-", "+"])).toHaveLength(1);
      },
    );

    backend.it("reads a long log in pages (unbounded restore, silent truncation)", async () => {
      const channels = open();
      const heard = new Heard<number>();
      const all = Array.from({ length: 1_300 }, (_, n) => n);
      let previous = "0-0";
      const entries = all.map((n) => {
        const entry = ["XADD", key("log"), `5-${n + 1}`, "1", `${previous} ${n}`] as const;
        previous = `5-${n + 1}`;
        return entry;
      });
      await redis.pipeline(entries);
      await redis.pipeline([
        ["SET", key("last"), previous, "PX", 60_000],
        ["PEXPIRE", key("log"), 60_000],
      ]);
      stops.push(await channels.subscribe("a", heard.listen, { from: "beginning", onGap: heard.onGap }));
      await expectHeard(heard, all);
    });

    backend.it("answers with less where messages are large", async () => {
      const channels = openResumable<string>(redis, { prefix: `${backend.prefix}:large`, subscriber });
      const large = "x".repeat(90_000);
      for (let n = 0; n < 10; n += 1) await channels.publish("a", `${n}${large}`);
      const heard = new Heard<string>();
      stops.push(await channels.subscribe("a", heard.listen, { from: "beginning" }));
      await until(() => expect(heard.data.map((text) => text[0]).join("")).toBe("0123456789"));
    });

    describe("whose messages cannot be read", () => {
      const watch = () => {
        const events: PatternEvent[] = [];
        return {
          events,
          types: () => events.map(({ type, id }) => `${type} ${id}`),
          onEvent: (e: PatternEvent) => void events.push(e),
        };
      };

      it("tells of one that a later version wrote, once, and goes on", async () => {
        const { events, types, onEvent } = watch();
        const channels = open({ onEvent });
        const heard = new Heard<number>();
        stops.push(await channels.subscribe("a", heard.listen, { onGap: heard.onGap }));
        const [one = ""] = await fill(channels, 1, 1);
        const [time = ""] = one.split("-");
        const next = `${time}-9999`;
        await redis.pipeline([
          ["XADD", key("log"), next, "2", "who knows"],
          ["SET", key("last"), next, "PX", 60_000],
          ["PUBLISH", `channel:${backend.prefix}:${number}:{a}`, `2 ${next} who knows`],
        ]);
        await until(() => expect(types()).toEqual(["message-refused a"]));
        await fill(channels, 2, 2);
        await expectHeard(heard, [1, 2]);
        expect(types()).toEqual(["message-refused a"]);
        expect(String(events[0]?.error)).toContain("later version");
      });

      it("tells of one that the schema refuses, and goes on", async () => {
        const { types, onEvent } = watch();
        const schema = {
          "~standard": {
            validate: async (value: unknown) =>
              typeof value === "number" && value < 10 ? { value: value * 2 } : { issues: ["too large"] },
          },
        };
        const loose = open();
        const strict = again({ schema, onEvent });
        const heard = new Heard<number>();
        stops.push(await strict.subscribe("a", heard.listen, { onGap: heard.onGap }));
        await fill(loose, 9, 11);
        await fill(strict, 3, 3);
        await expectHeard(heard, [18, 6]);
        expect(types()).toEqual(["message-refused a", "message-refused a"]);
        await expect(strict.publish("a", 12)).rejects.toMatchObject({ code: "MESSAGE_INVALID", issues: ["too large"] });
      });

      it("tells of one of another codec, and of none", async () => {
        const { types, onEvent } = watch();
        const codec = {
          name: "hex",
          encode: (value: unknown) => Number(value).toString(16),
          decode: (text: string) => Number.parseInt(text, 16),
        };
        const plain = open({ onEvent });
        const hex = again({ codec });
        const other = again({ codec: { ...codec, name: "other" } });
        const [one, two] = [new Heard<number>(), new Heard<number>()];
        stops.push(await plain.subscribe("a", one.listen));
        stops.push(await hex.subscribe("a", two.listen));
        await fill(other, 1, 1);
        await fill(hex, 255, 255);
        await fill(plain, 7, 7);
        await expectHeard(one, [7]);
        await expectHeard(two, [255]);
        expect(types()).toEqual(["message-refused a", "message-refused a"]);
      });
    });

    it("tells of a listener that throws or rejects, and calls the others", async () => {
      const events: PatternEvent[] = [];
      const channels = open({ onEvent: (event) => void events.push(event) });
      const heard = new Heard<number>();
      stops.push(
        await channels.subscribe("a", () => {
          throw new Error("first");
        }),
      );
      stops.push(
        await channels.subscribe("a", async () => {
          throw new Error("second");
        }),
      );
      stops.push(await channels.subscribe("a", heard.listen));
      await fill(channels, 1, 2);
      await expectHeard(heard, [1, 2]);
      await until(() => expect(events).toHaveLength(4));
      expect(new Set(events.map(({ type, error }) => `${type} ${(error as Error).message}`))).toEqual(
        new Set(["listener-failed first", "listener-failed second"]),
      );
    });

    it("is polled where a program can hold no connection: at once after a subscription, and then every so often", async () => {
      const channels = open({ subscriber: polling({ every: 5 }) });
      await fill(channels, 1, 2);
      const heard = new Heard<number>();
      const stop = await channels.subscribe("a", heard.listen, { from: "beginning" });
      expect(heard.data).toEqual([1, 2]);
      await fill(channels, 3, 3);
      await expectHeard(heard, [1, 2, 3]);
      await stop();
    });

    it("matches names by patterns where there is a subscriber, and reads what was before the first message of a channel", async () => {
      const prefix = `${backend.prefix}:users`;
      const channels = openResumable<number>(redis, { prefix, subscriber });
      const key = (part: string) => `channel:${prefix}:{user:3}:${part}`;
      const heard = new Heard<number>();
      const listening = channels.subscribe(matching("user:*"), heard.listen, { onGap: heard.onGap });
      if ("every" in subscriber) return expect(listening).rejects.toMatchObject({ code: "OPTION" });
      stops.push(await listening);
      await channels.publish("user:1", 1);
      await channels.publish("group:1", 2);
      await channels.publish("user:{2}%*", 3);
      await until(() =>
        expect(heard.messages.map(({ name, data }) => `${name} ${data}`)).toEqual(["user:1 1", "user:{2}%* 3"]),
      );
      // A message that was kept, and whose announcement was lost.
      const id = text(await redis.send(["XADD", key("log"), "*", "1", "0-0 4"]));
      await redis.send(["SET", key("last"), id, "PX", 60_000]);
      await redis.send(["PEXPIRE", key("log"), 60_000]);
      await channels.publish("user:3", 5);
      await until(() => expect(heard.data).toEqual([1, 3, 4, 5]));
      expect(heard.gaps).toEqual([]);
    });
  },
  userRights,
);
