import { expect, it } from "vitest";
import { OptionError } from "../../src/core/errors.ts";
import { keyOf, namespaceOf } from "../../src/core/keys.ts";
import { createChannels, resumable, toEventStream } from "../../src/core/patterns/pubsub/index.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import { hours } from "../../src/core/time/duration.ts";
import { until } from "../fixtures/channels.ts";
import { type Reading, readEvents } from "../fixtures/event-source.ts";
import { onEverySubscriber } from "../support/backends.ts";

const delivery = resumable({ keep: { age: hours(1), length: 10_000 } });

/** A browser's request: its first one, or one with the id that it has seen last. */
function request(lastEventId?: string, signal?: AbortSignal): Request {
  const headers: Record<string, string> = lastEventId === undefined ? {} : { "last-event-id": lastEventId };
  return new Request("https://host/rooms/7", { headers, ...(signal ? { signal } : {}) });
}

/** The messages that the page got. */
function dataOf({ heard }: Reading): unknown[] {
  return heard.filter(({ event }) => event === "message").map(({ data }) => JSON.parse(data) as unknown);
}

function gapsOf({ heard }: Reading): unknown[] {
  return heard.filter(({ event }) => event === "gap").map(({ data }) => JSON.parse(data) as unknown);
}

const upTo = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i);

/** Counts the calls, and the subscriptions that are open. */
function counting(subscriber: Subscriber): Subscriber & { readonly calls: number; readonly open: number } {
  let [calls, open] = [0, 0];
  const watch = (subscribe: Subscriber["subscribe"]): Subscriber["subscribe"] => {
    return async (...call) => {
      calls += 1;
      const stop = await subscribe(...call);
      open += 1;
      let left = false;
      return () => {
        if (!left) open -= 1;
        left = true;
        return stop();
      };
    };
  };
  return {
    subscribe: watch(subscriber.subscribe),
    psubscribe: watch(subscriber.psubscribe),
    get calls() {
      return calls;
    },
    get open() {
      return open;
    },
  };
}

onEverySubscriber("event streams", (backend) => {
  let rooms = 0;

  /** A room of its own, seen from the server. */
  async function open(options: { readonly onEvent?: (event: object) => void } = {}) {
    const redis = await backend.connect();
    const subscriber = counting(await backend.listen());
    const channels = createChannels(redis, { prefix: backend.prefix, subscriber, delivery, ...options });
    const room = `room-${(rooms += 1)}`;
    const publish = async (...messages: readonly unknown[]) => {
      const ids: string[] = [];
      for (const message of messages) ids.push((await channels.publish(room, message)).id ?? "");
      return ids;
    };
    return { redis, subscriber, channels, room, publish };
  }
  type Opened = Awaited<ReturnType<typeof open>>;

  /** A browser that is connected: it knows from where on it misses nothing. */
  async function connect({ channels, room }: Opened, lastEventId?: string, signal?: AbortSignal): Promise<Reading> {
    const browser = readEvents(toEventStream(request(lastEventId, signal), channels, room), lastEventId);
    await browser.when(() => browser.lastEventId !== "");
    return browser;
  }

  /** Forgets the entries of a room, as Redis does with those that are too old. */
  async function trim({ redis, room }: Opened, keeps: number): Promise<void> {
    await redis.send(["XTRIM", keyOf(namespaceOf("channel", backend.prefix), room, "log"), "MAXLEN", keeps]);
  }

  it("say what is published, in order, each message with its id", async () => {
    const opened = await open();
    const browser = await connect(opened);
    const ids = await opened.publish(...upTo(5));
    const heard = await browser.until(5);
    expect(dataOf(browser)).toEqual(upTo(5));
    expect(heard.map(({ lastEventId }) => lastEventId)).toEqual(ids);
    await browser.leave();
  });

  backend.it("have the headers that keep caches and proxies from holding them back", async () => {
    const { channels, room } = await open();
    const response = toEventStream(request(), channels, room);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toEqual({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
    });
  });

  backend.it("subscribe nothing before they are read, as by the answer to a HEAD", async () => {
    const { channels, room, subscriber } = await open();
    toEventStream(request(), channels, room);
    const head = toEventStream(new Request("https://host/rooms/7", { method: "HEAD" }), channels, room);
    expect(head.body).toBeNull();
    await Promise.resolve();
    expect(subscriber.calls).toBe(0);
  });

  it("go on after the id that the browser names in the header, or a page in its URL", async () => {
    const opened = await open();
    const { channels, room } = opened;
    const [, second] = await opened.publish(...upTo(4));
    const again = await connect(opened, second);
    await again.until(2);
    const url = `https://host/rooms/7?lastEventId=${second}`;
    const page = readEvents(toEventStream(new Request(url), channels, room));
    await page.until(2);
    expect([dataOf(again), dataOf(page)]).toEqual([
      [2, 3],
      [2, 3],
    ]);
    await Promise.all([again.leave(), page.leave()]);
  });

  backend.it("begin now, or with what is kept, for a browser that has seen nothing", async () => {
    const opened = await open();
    const { channels, room } = opened;
    await opened.publish(0, 1);
    const all = readEvents(toEventStream(request(), channels, room, { from: "beginning" }));
    const now = await connect(opened);
    await opened.publish(2);
    await Promise.all([all.until(3), now.until(1)]);
    expect([dataOf(all), dataOf(now)]).toEqual([[0, 1, 2], [2]]);
    await Promise.all([all.leave(), now.leave()]);
  });

  it("lose nothing for a browser that left before it heard anything", async () => {
    const opened = await open();
    await opened.publish(0);
    const first = await connect(opened);
    await first.leave();
    expect(first.heard).toEqual([]);
    await opened.publish(1, 2);
    const again = await connect(opened, first.lastEventId);
    await again.until(2);
    expect(dataOf(again)).toEqual([1, 2]);
    await again.leave();
  });

  it("end themselves before a platform ends them, and lose and double nothing", async () => {
    const opened = await open();
    const { channels, room } = opened;
    const heard: unknown[] = [];
    let [lastEventId, streams, published] = ["", 0, 0];
    // A stream that has no time to begin gets more the next time.
    for (let maxAge = 60; heard.length < 20; maxAge += heard.length < published ? 60 : 0) {
      await opened.publish(...upTo(published < 20 ? 3 : 0, published));
      const during = opened.publish(...upTo(published < 20 ? 1 : 0, published + 3));
      published = Math.min(20, published + 4);
      const response = toEventStream(request(lastEventId), channels, room, { from: "beginning", maxAge });
      const reading = readEvents(response, lastEventId);
      await Promise.all([reading.ended, during]);
      heard.push(...dataOf(reading));
      lastEventId = reading.lastEventId;
      streams += 1;
    }
    expect(heard).toEqual(upTo(20));
    expect(streams).toBeGreaterThanOrEqual(5);
    await until(() => expect(opened.subscriber.open).toBe(0));
  });

  it("tell the page once where messages are not kept any more", async () => {
    const opened = await open();
    const ids = await opened.publish(...upTo(4));
    await trim(opened, 1);
    const browser = await connect(opened, ids[0]);
    await browser.until(2);
    expect(browser.heard[0]).toEqual({
      event: "gap",
      data: JSON.stringify({ from: ids[0], to: ids[2] }),
      lastEventId: ids[2],
    });
    expect(dataOf(browser)).toEqual([3]);
    await browser.leave();
    const again = await connect(opened, browser.lastEventId);
    await opened.publish(4);
    await again.until(1);
    expect([gapsOf(again), dataOf(again)]).toEqual([[], [4]]);
    await again.leave();
  });

  it.each(backend.share(["42", "now", "1-0\u00ff", "0".repeat(10_240), "18446744073709551616-0", "007-0"]))(
    "tell the page that an id is unknown, and begin as for a new browser: %j",
    async (id) => {
      const opened = await open();
      const { channels, room } = opened;
      await opened.publish(0);
      const browser = readEvents(toEventStream(request(id), channels, room));
      await browser.until(1);
      await opened.publish(1);
      await browser.until(2);
      expect([gapsOf(browser), dataOf(browser)]).toEqual([[{ from: null, to: expect.any(String) }], [1]]);
      await browser.leave();
    },
  );

  backend.it("are not silent for ever to an id that was never given", async () => {
    const opened = await open();
    await opened.publish(0);
    const browser = await connect(opened, "18446744073709551615-0");
    await browser.until(1);
    expect(gapsOf(browser)).toHaveLength(1);
    await opened.publish(1);
    await browser.when(() => dataOf(browser).includes(1));
    await browser.leave();
  });

  backend.it(
    "say comments while there is nothing to say, for which Redis is not asked (a ping through Redis for each connection, @upstash/realtime #5)",
    async () => {
      const opened = await open();
      const { channels, room } = opened;
      const options = { heartbeat: 2 };
      const browsers = upTo(10).map(() => readEvents(toEventStream(request(), channels, room, options)));
      for (const browser of browsers) await browser.when(() => browser.lastEventId !== "");
      const commands = await backend.count(async () => {
        for (const browser of browsers) {
          const before = browser.comments;
          await browser.when(() => browser.comments >= before + 10);
        }
      });
      expect(commands).toEqual({});
      for (const browser of browsers) expect(browser.heard).toEqual([]);
      await Promise.all(browsers.map((browser) => browser.leave()));
    },
  );

  it("cost one script for a browser that connects, and nothing for a message that it gets", async () => {
    const opened = await open();
    await (await connect(opened)).leave();
    let browser: Reading | undefined;
    const connecting = await backend.count(async () => {
      browser = await connect(opened);
    });
    expect(connecting).toMatchObject({ evalsha: 1 });
    expect(
      Object.keys(connecting).filter(
        (name) => !["evalsha", "get", "subscribe", "unsubscribe", "xrevrange"].includes(name),
      ),
    ).toEqual([]);
    const published = await backend.count(async () => {
      await opened.publish(0);
      await browser?.until(1);
    });
    expect(published).toMatchObject({ evalsha: 1, publish: 1 });
    await browser?.leave();
  });

  backend.itHasOwnClock(
    "begin where Redis is, whatever the clock of the web server says (@upstash/realtime's last_ack)",
    async () => {
      const opened = await open();
      const [last] = await opened.publish(0);
      const { now } = Date;
      Date.now = () => now() + hours(1);
      try {
        const browser = await connect(opened);
        expect(browser.lastEventId).toBe(last);
        await browser.leave();
      } finally {
        Date.now = now;
      }
      await opened.publish(1);
      const again = await connect(opened, last);
      await again.until(1);
      expect(dataOf(again)).toEqual([1]);
      await again.leave();
    },
  );

  backend.it(
    "read a long history piece by piece, as the browser takes it (@upstash/realtime reads all of it)",
    async () => {
      const opened = await open();
      const { channels, room } = opened;
      await Promise.all(upTo(3_000).map((message) => channels.publish(room, message)));
      const { body } = toEventStream(request(), channels, room, { from: "beginning" });
      const reader = body?.getReader();
      const reads = await backend.count(async () => {
        for (let i = 0; i < 5; i += 1) await reader?.read();
      });
      expect(reads["xrange"]).toBeLessThan(40);
      await reader?.cancel();
    },
  );

  backend.it("end when Redis cannot be subscribed, and tell of it (@upstash/realtime hangs for ever)", async () => {
    const told: object[] = [];
    const { redis } = await open();
    const subscriber: Subscriber = {
      subscribe: () => Promise.reject(new Error("not now")),
      psubscribe: () => Promise.reject(new Error("not now")),
    };
    const onEvent = (event: object) => void told.push(event);
    const channels = createChannels(redis, { prefix: backend.prefix, subscriber, delivery, onEvent });
    const browser = readEvents(toEventStream(request(), channels, "7"));
    await browser.ended;
    expect(browser.heard).toEqual([]);
    expect(browser.retry).toBeGreaterThan(0);
    expect(told).toMatchObject([{ type: "stream-failed", id: "7", error: new Error("not now") }]);
  });

  backend.it("leave alone, each for itself (@upstash/realtime forgets the first unsubscribe)", async () => {
    const opened = await open();
    const [one, other] = [await connect(opened), await connect(opened)];
    await one.leave();
    await opened.publish(0);
    await other.until(1);
    await other.leave();
    await until(() => expect(opened.subscriber.open).toBe(0));
  });

  it.each(["cancels the body", "aborts the request", "is shut out"])(
    "free the subscription when the browser %s",
    async (how) => {
      const opened = await open();
      const [left, right] = [new AbortController(), new AbortController()];
      const options = { signal: right.signal };
      const browser = readEvents(toEventStream(request(undefined, left.signal), opened.channels, opened.room, options));
      await browser.when(() => browser.lastEventId !== "");
      expect(opened.subscriber.open).toBe(1);
      if (how === "cancels the body") await browser.leave();
      else if (how === "aborts the request") left.abort();
      else right.abort();
      await browser.ended;
      await until(() => expect(opened.subscriber.open).toBe(0));
    },
  );

  backend.it("lose nothing for a slow browser, and collect nothing for it", async () => {
    const opened = await open();
    const { channels, room } = opened;
    const { body } = toEventStream(request(), channels, room, { buffer: 5 });
    const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("id: ")) text += (await reader?.read())?.value ?? "";
    await opened.publish(...upTo(60));
    const got = () => [...text.matchAll(/^data: (.*)\n\n/gm)].map(([, json = ""]) => JSON.parse(json) as unknown);
    while (got().length < 60) text += (await reader?.read())?.value ?? "";
    expect(got()).toEqual(upTo(60));
    await reader?.cancel();
  });

  backend.it("let no name and no message begin a field of its own", async () => {
    const { channels } = await open();
    const evil = "7\nevent: gap\rdata: x\r\n\r\nid: 1-0\n\n";
    const browser = readEvents(toEventStream(request(), channels, evil));
    await browser.when(() => browser.lastEventId !== "");
    const messages = [evil, { [evil]: evil }, `${evil}\u2028\u2029\0`];
    for (const message of messages) await channels.publish(evil, message);
    await browser.until(3);
    expect(browser.heard.map(({ event }) => event)).toEqual(["message", "message", "message"]);
    expect(dataOf(browser)).toEqual(messages);
    await browser.leave();
  });

  backend.it("give the browser what the caller chooses of each message, and keep the rest back", async () => {
    const told: object[] = [];
    const opened = await open({ onEvent: (event) => void told.push(event) });
    const toEvent = ({ data }: { data: unknown }) => {
      if (data === 1) throw new Error("not this one");
      if (data === 2) return undefined;
      return { event: data === 3 ? "a\nb" : `of-${String(data)}`, data: { data } };
    };
    const browser = readEvents(toEventStream(request(), opened.channels, opened.room, { toEvent }));
    await browser.when(() => browser.lastEventId !== "");
    const ids = await opened.publish(0, 1, 2, 3, 4, 2);
    await browser.when(() => browser.lastEventId === ids[5]);
    expect(browser.heard).toEqual([
      { event: "of-0", data: '{"data":0}', lastEventId: ids[0] },
      { event: "of-4", data: '{"data":4}', lastEventId: ids[4] },
    ]);
    expect(told).toMatchObject([
      { type: "listener-failed" },
      { type: "listener-failed", error: expect.any(OptionError) },
    ]);
    await browser.leave();
  });

  backend.it("have no ids of messages that are not kept, and take none", async () => {
    const [redis, subscriber] = [await backend.connect(), counting(await backend.listen())];
    const channels = createChannels(redis, { prefix: backend.prefix, subscriber });
    const browser = readEvents(toEventStream(request("1-0"), channels, "passing"));
    await until(() => expect(subscriber.open).toBe(1));
    await channels.publish("passing", "hello");
    await browser.until(1);
    expect(browser.heard).toEqual([{ event: "message", data: '"hello"', lastEventId: "" }]);
    await browser.leave();
    await until(() => expect(subscriber.open).toBe(0));
  });

  backend.it("refuse names and options that can never work", async () => {
    const { channels } = await open();
    const ask = (name: unknown, options?: unknown) => () =>
      toEventStream(request(), channels, name as string, options as object);
    for (const name of ["", undefined, 7, "x".repeat(20_000)])
      expect(ask(name), String(name).slice(0, 9)).toThrow(OptionError);
    for (const options of [
      null,
      1_000,
      { heartbeat: 0 },
      { maxAge: Number.NaN },
      { retry: -1 },
      { toEvent: "data" },
      { from: "1-0" },
    ]) {
      expect(ask("7", options), JSON.stringify(options)).toThrow(OptionError);
    }
    expect(() => toEventStream(request(), {} as never, "7")).toThrow(OptionError);
  });
});
