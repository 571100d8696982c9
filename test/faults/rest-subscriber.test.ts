import { execFile } from "node:child_process";
import { inspect, promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { restSubscriber, type RestSubscriberEvent, type RestSubscriberOptions } from "../../src/adapters/rest/index.ts";
import { ConnectionError, OptionError, ReplyError, TimeoutError } from "../../src/core/errors.ts";
import { isConnectionError } from "../../src/core/failure.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { freePort } from "../support/redis-server.ts";
import {
  type Asked,
  endAtOnce,
  promiseHeartbeat,
  refuse,
  silent,
  startStreamServer,
  type StreamServer,
  welcome,
} from "../support/stream-server.ts";

const token = "SecretToken";
const settled = { timeout: 8_000, interval: 5 };
const html = "<html><body>Bad gateway</body></html>";
const json = (error: string) => JSON.stringify({ error });

let server: StreamServer;
let events: RestSubscriberEvent[] = [];
beforeEach(async () => {
  server = await startStreamServer();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await server.stop();
  // Not even an event or an error holds the token, whatever the test did.
  // oxlint-disable-next-line vitest/no-standalone-expect -- it holds for each test
  expect(inspect(events, { depth: 10 })).not.toContain(token);
  events = [];
});

/** A subscriber whose subscriptions end with the test. */
function open(options: Partial<RestSubscriberOptions> = {}) {
  const seen = events;
  return restSubscriber({ url: server.url, token, onEvent: (event) => seen.push(event), ...options });
}
const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );
const last = () => server.open().at(-1) as Asked;
const paths = () => server.asked.map(({ path }) => path);
const typesOf = () => events.map(({ type }) => type);
const stopAll = (stops: readonly (() => Promise<void>)[]) => Promise.all(stops.map((stop) => stop()));
const expectNobodyLeft = () => vi.waitFor(() => expect(server.open().map(({ path }) => path)).toEqual([]), settled);

describe("what @upstash/redis 1.39 does wrong", () => {
  it("dies silently when the server ends the stream", async () => {
    const heard: string[] = [];
    const onReconnect = vi.fn<() => void>();
    const stop = await open().subscribe("chat", (message) => heard.push(message), { onReconnect });
    for (const round of [1, 2]) {
      last().end();
      await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledTimes(round), settled);
      last().publish("chat", `round ${round}`);
      await vi.waitFor(() => expect(heard.at(-1)).toBe(`round ${round}`), settled);
    }
    expect(events.slice(0, 3)).toEqual([
      { type: "open", channels: ["chat"] },
      { type: "lost", channels: ["chat"], error: expect.any(ConnectionError) },
      { type: "open", channels: ["chat"] },
    ]);
    await stop();
    await expectNobodyLeft();
  });

  it("only prints that the stream could not be read", async () => {
    const heard: string[] = [];
    const onReconnect = vi.fn<() => void>();
    const print = vi.spyOn(console, "error");
    const stop = await open().subscribe("chat", (message) => heard.push(message), { onReconnect });
    last().send("data: message,chat,half of a mess");
    last().cut();
    await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledOnce(), settled);
    last().publish("chat", "whole");
    await vi.waitFor(() => expect(heard).toEqual(["whole"]), settled);
    expect(print).not.toHaveBeenCalled();
    expect(events[1]).toMatchObject({ type: "lost", error: { code: "CONNECTION" } });
    await stop();
  });

  it.each(["a/b", "chat?room=1", "x#y", "50%", "a%2Fb", "ü 😀", "a+b&c=d", ";,:@", "../../pipeline", "__proto__"])(
    "does not encode the name of the channel %s",
    async (name) => {
      const heard: string[] = [];
      const subscriber = open();
      const hear = (message: string, from: string) => heard.push(`${message} on ${from}`);
      const stops = [await subscriber.subscribe(name, hear), await subscriber.psubscribe(name, hear)];
      expect(server.asked.map(({ word, names }) => [word, names])).toEqual([
        ["subscribe", [name]],
        ["psubscribe", [name]],
      ]);
      server.asked[0]?.publish(name, "1");
      server.asked[1]?.publish(name, "2", name);
      await vi.waitFor(() => expect(heard).toHaveLength(2), settled);
      expect(heard.toSorted()).toEqual([`1 on ${name}`, `2 on ${name}`]);
      await stopAll(stops);
    },
  );

  it("makes one request for each channel", async () => {
    const subscriber = open();
    const heard: string[] = [];
    const names = Array.from({ length: 50 }, (_, i) => `room:${i}`);
    const listen = (name: string) => subscriber.subscribe(name, (message, from) => heard.push(`${from} ${message}`));
    const stops = await Promise.all(names.map(listen));
    expect(server.asked.map((asked) => asked.names)).toEqual([names]);
    for (const name of names) last().publish(name, "hello");
    await vi.waitFor(() => expect(heard).toEqual(names.map((name) => `${name} hello`)), settled);
    await stopAll(stops);
    await expectNobodyLeft();
  });

  it("drops what a pattern brings if it is no JSON", async () => {
    const heard: string[][] = [];
    const stop = await open().psubscribe("ch*", (...message) => heard.push(message));
    const texts = ["plain", "", '{"a":1}', "{broken", "7", " two\nlines ", "ends with CR\r", "ü😀", "a,b,c"];
    for (const text of texts) last().publish("ch*", text, "chat");
    await vi.waitFor(() => expect(heard).toEqual(texts.map((text) => [text, "chat"])), settled);
    await stop();
  });

  it("takes a comma for the end of the name", async () => {
    const heard: string[] = [];
    const subscriber = open();
    const hear = (message: string, from: string) => heard.push(`${message} on ${from}`);
    const stops = [await subscriber.subscribe("we,ird", hear), await subscriber.psubscribe("a,*", hear)];
    server.asked[0]?.publish("we,ird", "x,y");
    server.asked[1]?.publish("a,*", "x,y", "a,b");
    await vi.waitFor(() => expect(heard).toHaveLength(2), settled);
    expect(heard.toSorted()).toEqual(["x,y on a,b", "x,y on we,ird"]);
    await stopAll(stops);
  });

  it("dies silently of a line of more than 1 MB", async () => {
    const heard: string[] = [];
    const onReconnect = vi.fn<() => void>();
    const missing = vi.fn<() => void>();
    const subscriber = open();
    const stops = await Promise.all([
      subscriber.subscribe("big", (message) => heard.push(message), { onReconnect }),
      subscriber.subscribe("other", (message) => heard.push(message), { onReconnect: missing }),
    ]);
    last().publish("big", "x".repeat(1_000_000));
    last().publish("big", "x".repeat(5_000_000));
    last().publish("other", "goes on");
    await vi.waitFor(() => expect(heard.map(({ length }) => length)).toEqual([1_000_000, 7]), settled);
    expect(events.slice(1)).toEqual([{ type: "skipped", channels: ["big"] }]);
    expect(onReconnect).toHaveBeenCalledOnce();
    expect(missing).not.toHaveBeenCalled();
    expect(server.asked).toHaveLength(1);
    await stopAll(stops);
  });

  it("does not say which channel was confirmed", async () => {
    const subscriber = open();
    const stops = await Promise.all([subscriber.subscribe("a", () => {}), subscriber.subscribe("b", () => {})]);
    expect(events).toEqual([{ type: "open", channels: ["a", "b"] }]);
    await stopAll(stops);
    expect(events.at(-1)).toMatchObject({ type: "ended" });
  });
});

describe("what @upstash/realtime 1.1 does wrong", () => {
  it.each([
    ["a refused token", refuse(401, json("WRONGPASS invalid or missing auth token")), ReplyError, "WRONGPASS"],
    ["no permission", refuse(403, json("NOPERM no permissions to access a channel")), ReplyError, "NOPERM"],
    ["a refused command", refuse(400, json("ERR no")), ReplyError, "ERR"],
    ["no such path", refuse(404, json("ERR give the gateway a `subscriber`")), ReplyError, "ERR"],
    ["another server", refuse(404, html), ConnectionError, "CONNECTION"],
    ["a redirect", refuse(302, ""), ConnectionError, "CONNECTION"],
    ["too many streams", refuse(429, json("ERR too many streams")), ConnectionError, "CONNECTION"],
    ["a page in place of a stream", refuse(200, html), ConnectionError, "CONNECTION"],
    ["a broken server", refuse(500, html), ConnectionError, "CONNECTION"],
    ["an outage", refuse(503, json("ERR no Redis")), ConnectionError, "CONNECTION"],
    ["a stream that ends", ({ begin, end }: Asked) => (begin(), end()), ConnectionError, "CONNECTION"],
    ["a cut connection", ({ cut }: Asked) => cut(), ConnectionError, "CONNECTION"],
  ])("hangs for ever at %s", async (_, answer, kind, code) => {
    server.answer(answer);
    const error = await failureOf(open().subscribe("a", () => {}));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ code });
    expect(error).not.toBeInstanceOf(TimeoutError);
    expect(inspect(error)).not.toContain(token);
    expect(events.at(-1)).toEqual({ type: "ended", channels: ["a"] });
    await expectNobodyLeft();
  });

  it.each([
    ["no headers", silent],
    ["no confirmation", ({ begin }: Asked) => begin()],
    ["heartbeats only", ({ begin, send }: Asked) => (begin({ "Redis-Patterns-Heartbeat": "10" }), send(": \n\n"))],
    ["half of the confirmations", (asked: Asked) => (asked.begin(), asked.confirm(["b"]))],
    ["half of a confirmation", ({ begin, send }: Asked) => (begin(), send("data: subscribe,a,1\n"))],
  ])("hangs for ever when there are %s", async (_, answer) => {
    server.answer(answer);
    const subscriber = open({ timeout: 100 });
    const other = subscriber.subscribe("b", () => {}).catch(() => {});
    expect(await failureOf(subscriber.subscribe("a", () => {}))).toMatchObject({ name: "TimeoutError", timeout: 100 });
    const stop = await other;
    await stop?.();
    await expectNobodyLeft();
  });

  it("hangs for ever when nobody is there", async () => {
    const nowhere = open({ url: `http://127.0.0.1:${await freePort()}` });
    const error = await failureOf(nowhere.subscribe("a", () => {}));
    expect(error).toMatchObject({ name: "ConnectionError", sent: false });
  });

  it("overwrites the first `unsubscribe` by later ones", async () => {
    const subscriber = open();
    const heard: string[] = [];
    const listen = (who: string) => subscriber.subscribe("chat", (message) => heard.push(who + message));
    const [stopA, stopB, stopC] = [await listen("a"), await listen("b"), await listen("c")];
    expect(server.asked).toHaveLength(1);
    await stopA();
    await stopA();
    last().publish("chat", "1");
    await vi.waitFor(() => expect(heard).toEqual(["b1", "c1"]), settled);
    await stopC();
    last().publish("chat", "2");
    await vi.waitFor(() => expect(heard.slice(2)).toEqual(["b2"]), settled);
    expect(server.open()).toHaveLength(1);
    await stopB();
    await expectNobodyLeft();
    await subscriber.subscribe("chat", (message) => heard.push(`d${message}`));
    await stopB();
    await subscriber.subscribe("chat", (message) => heard.push(`e${message}`));
    expect(server.open()).toHaveLength(1);
    last().publish("chat", "3");
    await vi.waitFor(() => expect(heard.slice(3)).toEqual(["d3", "e3"]), settled);
  });
});

describe("a stream that falls silent", () => {
  it("is noticed within its heartbeat and the deadline, and healed", async () => {
    server.answer(promiseHeartbeat(40));
    const onReconnect = vi.fn<() => void>();
    const start = performance.now();
    const stop = await open({ timeout: 160 }).subscribe("chat", () => {}, { onReconnect });
    await vi.waitFor(() => expect(onReconnect).toHaveBeenCalled(), settled);
    expect(performance.now() - start).toBeGreaterThanOrEqual(199);
    expect(events[1]).toMatchObject({ type: "lost", error: { message: expect.stringContaining("silent for 200 ms") } });
    await stop();
  });

  it("lives as long as heartbeats come", async () => {
    server.answer(promiseHeartbeat(20));
    const stop = await open({ timeout: 500 }).subscribe("chat", () => {});
    for (let beat = 0; beat < 40; beat += 1) {
      last().send(": \n\n");
      await sleep(20);
    }
    expect(typesOf()).toEqual(["open"]);
    await stop();
  });

  it("is opened again after `maxAge` where the server sends no heartbeats", async () => {
    const onReconnect = vi.fn<() => void>();
    const heard: string[] = [];
    const stop = await open({ maxAge: 100 }).subscribe("chat", (message) => heard.push(message), { onReconnect });
    await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledTimes(2), settled);
    expect(typesOf()).toEqual(["open", "open", "open"]);
    last().publish("chat", "heard");
    await vi.waitFor(() => expect(heard).toEqual(["heard"]), settled);
    await stop();
    await expectNobodyLeft();
  });

  it("is not opened again while messages come", async () => {
    const stop = await open({ maxAge: 400 }).subscribe("chat", () => {});
    for (let sent = 0; sent < 40; sent += 1) {
      last().publish("chat", "news");
      await sleep(20);
    }
    expect(server.asked).toHaveLength(1);
    await stop();
  });
});

describe("the requests of one subscriber", () => {
  it("are at most four: then one takes the new channel, and tells its others", async () => {
    const subscriber = open();
    const told: string[] = [];
    const heard: string[] = [];
    const stops: (() => Promise<void>)[] = [];
    for (let i = 0; i < 10; i += 1) {
      const onReconnect = () => told.push(`room:${i}`);
      stops.push(await subscriber.subscribe(`room:${i}`, (message) => heard.push(message), { onReconnect }));
      await vi.waitFor(() => expect(server.open().length).toBeLessThanOrEqual(4), settled);
    }
    expect(told.length).toBe(6 + 2);
    await vi.waitFor(() => expect(server.open()).toHaveLength(4), settled);
    const names = server.open().flatMap(({ names }) => names);
    expect(names.toSorted()).toEqual(Array.from({ length: 10 }, (_, i) => `room:${i}`));
    for (const asked of server.open()) asked.names.forEach((name) => asked.publish(name, name));
    await vi.waitFor(() => expect(heard.toSorted()).toEqual(names.toSorted()), settled);
    await stopAll(stops);
    await expectNobodyLeft();
  });

  it("make room for a pattern: two become one", async () => {
    const subscriber = open();
    const stops: (() => Promise<void>)[] = [];
    for (const name of ["a", "b", "c", "d"]) stops.push(await subscriber.subscribe(name, () => {}));
    stops.push(await subscriber.psubscribe("p*", () => {}));
    await vi.waitFor(() => expect(server.open()).toHaveLength(4), settled);
    await vi.waitFor(
      () =>
        expect(
          server
            .open()
            .flatMap(({ names }) => names)
            .toSorted(),
        ).toEqual(["a", "b", "c", "d", "p*"]),
      settled,
    );
    await stopAll(stops);
    await expectNobodyLeft();
  });

  it("are never shared by names of which one begins the other up to a comma", async () => {
    const subscriber = open();
    const heard: string[] = [];
    const hear = (message: string, from: string) => heard.push(`${message} on ${from}`);
    const listen = (name: string) => subscriber.subscribe(name, hear);
    const names = ["a", "a,b", "b", "a,b,c", "ab"];
    const stops = await Promise.all(names.map(listen));
    expect(server.asked.map((asked) => asked.names)).toEqual([["a", "b"], ["a,b", "ab"], ["a,b,c"]]);
    for (const asked of server.open()) asked.names.forEach((name) => asked.publish(name, "x,y"));
    await vi.waitFor(() => expect(heard).toHaveLength(5), settled);
    expect(heard.toSorted()).toEqual(names.map((name) => `x,y on ${name}`).toSorted());
    await stopAll(stops);
  });

  it("are too few for five such names, which is said", async () => {
    const subscriber = open();
    const names = ["a", "a,b", "a,b,c", "a,b,c,d"];
    const stops = await Promise.all(names.map((name) => subscriber.subscribe(name, () => {})));
    const error = await failureOf(subscriber.subscribe("a,b,c,d,e", () => {}));
    expect(error).toBeInstanceOf(OptionError);
    expect(error).toMatchObject({ message: expect.stringMatching(/`maxRequests`/) });
    await stops[3]?.();
    await (
      await subscriber.subscribe("a,b,c,d,e", () => {})
    )();
    await stopAll(stops);
    await expectNobodyLeft();
  });

  it("hold as many names as a path does, and no more", async () => {
    const subscriber = open({ maxRequests: 1 });
    const stops = await Promise.all(
      Array.from({ length: 7 }, (_, i) => subscriber.subscribe(`${i}${"x".repeat(999)}`, () => {})),
    );
    expect(await failureOf(subscriber.subscribe("y".repeat(1_000), () => {}))).toBeInstanceOf(OptionError);
    stops.push(await subscriber.subscribe("z".repeat(900), () => {}));
    await vi.waitFor(() => expect(server.open().map(({ names }) => names.length)).toEqual([8]), settled);
    await stopAll(stops);
    const many = Array.from({ length: 1_000 }, (_, i) => subscriber.subscribe(`${i}`, () => {}));
    const all = await Promise.all(many);
    expect(await failureOf(subscriber.subscribe("1000", () => {}))).toBeInstanceOf(OptionError);
    await stopAll(all);
  });

  it("have one channel each with `batch: false`", async () => {
    const subscriber = open({ batch: false });
    const stops = await Promise.all(["a", "b", "c"].map((name) => subscriber.subscribe(name, () => {})));
    expect(paths()).toEqual(["/subscribe/a", "/subscribe/b", "/subscribe/c"]);
    await stopAll(stops);
  });

  it("carry the token in a header, and nothing of it in the path", async () => {
    await (
      await open().subscribe("a", () => {})
    )();
    expect(server.asked[0]?.headers).toMatchObject({ authorization: `Bearer ${token}`, accept: "text/event-stream" });
    expect(paths().join()).not.toContain(token);
  });

  it("keep the path of the URL, with or without a slash at its end", async () => {
    for (const path of ["/redis", "/redis/"]) {
      server.answer((asked) => {
        asked.begin();
        asked.send("data: subscribe,a,1\n\n");
      });
      await (
        await open({ url: server.url + path }).subscribe("a", () => {})
      )();
    }
    expect(paths()).toEqual(["/redis/subscribe/a", "/redis/subscribe/a"]);
  });

  it("use the `fetch` that they were given, without a receiver", async () => {
    const urls: string[] = [];
    const subscriber = open({
      async fetch(this: unknown, input, init) {
        expect(this).toBeUndefined();
        urls.push(new Request(input).url);
        return fetch(input, init);
      },
    });
    await (
      await subscriber.subscribe("a", () => {})
    )();
    expect(urls).toEqual([`${server.url}/subscribe/a`]);
  });
});

describe("a channel that nobody listens to any more", () => {
  it("is left out of the next request, and one that comes back before costs none", async () => {
    const subscriber = open();
    const heard: string[] = [];
    const [stopA, stopB] = await Promise.all([
      subscriber.subscribe("a", (message) => heard.push(message)),
      subscriber.subscribe("b", (message) => heard.push(message)),
    ]);
    await stopB();
    last().publish("b", "unheard");
    last().publish("a", "first");
    await vi.waitFor(() => expect(heard).toEqual(["first"]), settled);
    const back = await subscriber.subscribe("b", (message) => heard.push(message));
    last().publish("b", "heard");
    await vi.waitFor(() => expect(heard).toEqual(["first", "heard"]), settled);
    expect(server.asked).toHaveLength(1);
    await back();
    last().end();
    await vi.waitFor(() => expect(paths()).toEqual(["/subscribe/a/b", "/subscribe/a"]), settled);
    await stopA();
    await expectNobodyLeft();
  });

  it.each([
    ["without heartbeats", welcome],
    ["with heartbeats", promiseHeartbeat(20)],
  ])("goes after `maxAge`, though messages come, %s", async (_, answer) => {
    server.answer(answer);
    const subscriber = open({ maxAge: 100, timeout: 1_000 });
    const onReconnect = vi.fn<() => void>();
    const [stopA, stopB] = await Promise.all([
      subscriber.subscribe("a", () => {}, { onReconnect }),
      subscriber.subscribe("b", () => {}),
    ]);
    await stopB();
    const talk = setInterval(() => last()?.publish("a", "news"), 10);
    await vi.waitFor(() => expect(paths().at(-1)).toBe("/subscribe/a"), settled);
    await vi.waitFor(() => expect(onReconnect).toHaveBeenCalled(), settled);
    clearInterval(talk);
    await stopA();
  });
});

describe("the pauses before a request is made again", () => {
  it("grow, are jittered, and end when nobody listens", async () => {
    server.answer(welcome, refuse(503, html));
    const timers = vi.spyOn(globalThis, "setTimeout");
    const random = vi.spyOn(Math, "random").mockReturnValue(1);
    const stop = await open({ timeout: 60_000 }).subscribe("a", () => {});
    last().end();
    await vi.waitFor(() => expect(server.asked.length).toBe(5), settled);
    // The client has timers, too.
    const pauses = timers.mock.calls
      .map(([, delay]) => delay)
      .filter((delay) => delay && delay % 100 === 0 && delay < 1_000);
    expect(pauses.slice(0, 4)).toEqual([100, 200, 400, 800]);
    expect(random.mock.calls.length).toBeGreaterThanOrEqual(4);
    const asked = server.asked.length;
    await stop();
    expect(typesOf().at(-1)).toBe("ended");
    await sleep(200);
    expect(server.asked).toHaveLength(asked);
  });

  it("go on growing while the server confirms and ends at once", async () => {
    server.answer(endAtOnce);
    vi.spyOn(Math, "random").mockReturnValue(1);
    const stop = await open().subscribe("a", () => {});
    await sleep(650);
    expect(server.asked.length).toBeLessThanOrEqual(4);
    await stop();
  });

  it("are the longest after a refusal, which is told", async () => {
    server.answer(welcome, refuse(401, json("WRONGPASS")));
    const timers = vi.spyOn(globalThis, "setTimeout");
    vi.spyOn(Math, "random").mockReturnValue(1);
    const stop = await open().subscribe("a", () => {});
    last().end();
    await vi.waitFor(() => expect(timers.mock.calls.map(([, delay]) => delay)).toContain(10_000), settled);
    expect(events.at(-1)).toMatchObject({ type: "lost", error: { code: "WRONGPASS" } });
    await stop();
  });

  it("end at once for a caller who waits", async () => {
    server.answer(welcome, refuse(401, json("WRONGPASS")), welcome);
    const subscriber = open({ maxRequests: 1 });
    const stops = [await subscriber.subscribe("a", () => {})];
    last().end();
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ error: { code: "WRONGPASS" } }), settled);
    stops.push(await subscriber.subscribe("a", () => {}));
    last().end();
    await vi.waitFor(() => expect(typesOf().at(-1)).toBe("lost"), settled);
    stops.push(await subscriber.subscribe("b", () => {}));
    await stopAll(stops);
  });
});

describe("a channel that is refused", () => {
  it("does not take the others with it that had the same request", async () => {
    const isForbidden = ({ names }: Asked) => names.includes("secret");
    server.answer((asked) => (isForbidden(asked) ? refuse(400, json("NOPERM no"))(asked) : welcome(asked)));
    const subscriber = open({ maxRequests: 1 });
    const heard: string[] = [];
    const onReconnect = vi.fn<() => void>();
    const stop = await subscriber.subscribe("open", (message) => heard.push(message), { onReconnect });
    expect(await failureOf(subscriber.subscribe("secret", () => {}))).toMatchObject({ code: "NOPERM" });
    await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledOnce(), settled);
    last().publish("open", "still heard");
    await vi.waitFor(() => expect(heard).toEqual(["still heard"]), settled);
    await stop();
    await expectNobodyLeft();
  });
});

describe("an abort", () => {
  const reason = { why: "the caller has gone" };

  it("before the call asks for nothing", async () => {
    const signal = AbortSignal.abort(reason);
    expect(await failureOf(open().subscribe("a", () => {}, { signal }))).toBe(reason);
    await sleep(20);
    expect(server.asked).toEqual([]);
  });

  it("in the tick of the call asks for nothing, and leaves the others", async () => {
    const controller = new AbortController();
    const subscriber = open();
    const leaving = failureOf(subscriber.subscribe("a", () => {}, { signal: controller.signal }));
    const staying = subscriber.subscribe("b", () => {});
    controller.abort(reason);
    expect(await leaving).toBe(reason);
    await (
      await staying
    )();
    expect(paths()).toEqual(["/subscribe/b"]);
  });

  it("during the request ends it, if nobody else waits", async () => {
    server.answer(silent);
    const controller = new AbortController();
    const leaving = failureOf(open().subscribe("a", () => {}, { signal: controller.signal }));
    await vi.waitFor(() => expect(server.open()).toHaveLength(1), settled);
    controller.abort(reason);
    expect(await leaving).toBe(reason);
    await expectNobodyLeft();
  });

  it("after the confirmation changes nothing", async () => {
    const controller = new AbortController();
    const heard: string[] = [];
    const stop = await open().subscribe("a", (message) => heard.push(message), { signal: controller.signal });
    controller.abort(reason);
    last().publish("a", "heard");
    await vi.waitFor(() => expect(heard).toEqual(["heard"]), settled);
    await stop();
  });

  it("leaves no listener on its signal", async () => {
    const { signal } = new AbortController();
    const added = vi.spyOn(signal, "addEventListener");
    const removed = vi.spyOn(signal, "removeEventListener");
    const stop = await open().subscribe("a", () => {}, { signal });
    expect(added.mock.calls.length).toBe(removed.mock.calls.length);
    await stop();
  });
});

describe("listeners", () => {
  it("that have been unsubscribed hear nothing more, also from within another of the same channel", async () => {
    const subscriber = open();
    const heard: string[] = [];
    const stops: (() => Promise<void>)[] = [];
    stops.push(
      await subscriber.subscribe("a", (message) => {
        heard.push(`first ${message}`);
        void stops[1]?.();
        void stops[0]?.();
      }),
    );
    stops.push(await subscriber.subscribe("a", (message) => heard.push(`second ${message}`)));
    const asked = last();
    asked.send("data: message,a,1\n\ndata: message,a,2\n\ndata: message,a,3\n\n");
    await expectNobodyLeft();
    expect(heard).toEqual(["first 1"]);
  });

  it("that throw stop neither the others nor the stream", async () => {
    const subscriber = open();
    const heard: string[] = [];
    const uncaught: unknown[] = [];
    vi.spyOn(globalThis, "queueMicrotask").mockImplementation((task) => {
      try {
        task();
      } catch (error) {
        uncaught.push(error);
      }
    });
    const failure = new Error("of the listener");
    const fail = () => {
      throw failure;
    };
    const stops = [
      await subscriber.subscribe("a", fail, { onReconnect: fail }),
      await subscriber.subscribe("a", (message) => heard.push(message)),
    ];
    last().publish("a", "1");
    last().end();
    await vi.waitFor(() => expect(server.asked).toHaveLength(2), settled);
    await vi.waitFor(() => expect(uncaught).toEqual([failure, failure]), settled);
    last().publish("a", "2");
    await vi.waitFor(() => expect(heard).toEqual(["1", "2"]), settled);
    expect(uncaught).toEqual([failure, failure, failure]);
    await stopAll(stops);
  });

  it("of events that throw change nothing", async () => {
    const subscriber = open({
      onEvent: () => {
        throw new Error("of the hook");
      },
    });
    await (
      await subscriber.subscribe("a", () => {})
    )();
    await expectNobodyLeft();
  });

  it("may subscribe and unsubscribe from within", async () => {
    const subscriber = open({ maxRequests: 1 });
    const heard: string[] = [];
    const stops: (() => Promise<void>)[] = [];
    const onReconnect = () => void subscriber.subscribe("a", (message) => heard.push(`late ${message}`)).then(keep);
    const keep = (stop: () => Promise<void>) => void stops.push(stop);
    keep(await subscriber.subscribe("a", (message) => heard.push(message), { onReconnect }));
    keep(await subscriber.subscribe("b", () => {}));
    await vi.waitFor(() => expect(stops).toHaveLength(3), settled);
    last().publish("a", "1");
    await vi.waitFor(() => expect(heard).toEqual(["1", "late 1"]), settled);
    await stopAll(stops);
    await expectNobodyLeft();
  });
});

describe("our gateway", () => {
  it("says when its Redis was away, by the confirmation again", async () => {
    const onReconnect = vi.fn<() => void>();
    const stop = await open().subscribe("a", () => {}, { onReconnect });
    last().confirm();
    await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledOnce(), settled);
    expect(server.asked).toHaveLength(1);
    await stop();
  });

  it("says why it drops a slow reader, whose stream is opened again", async () => {
    const onReconnect = vi.fn<() => void>();
    const stop = await open().subscribe("a", () => {}, { onReconnect });
    last().send("event: dropped\ndata: the reader left more than 7 bytes unread\n\n");
    last().end();
    await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledOnce(), settled);
    expect(events).toMatchObject([
      { type: "open" },
      { type: "lost", error: { message: expect.stringContaining("too slowly") } },
      {},
    ]);
    await stop();
  });
});

describe("a process that has subscribed", () => {
  it.each([
    ["ends by itself once nobody listens", "await stop();"],
    ["ends by itself after a subscription that failed", "await stop(); await failing;"],
  ])("%s", async (_, end) => {
    server.answer(welcome, refuse(401, json("WRONGPASS")));
    const source = new URL("../../src/adapters/rest/index.ts", import.meta.url).href;
    const program = `
      import { restSubscriber } from ${JSON.stringify(source)};
      const subscriber = restSubscriber(${JSON.stringify({ url: server.url, token })});
      const stop = await subscriber.subscribe("a", () => {});
      const failing = subscriber.psubscribe("b", () => {}).catch(() => {});
      ${end}
      console.log("left");`;
    const run = promisify(execFile);
    const args = ["--no-warnings", "--experimental-strip-types", "--input-type=module", "-e", program];
    const { stdout } = await run(process.execPath, args, { timeout: 20_000 });
    expect(stdout).toBe("left\n");
    await expectNobodyLeft();
  });
});

describe("two copies of the package", () => {
  it("subscribe beside each other, and the errors of one are known to the other", async () => {
    vi.resetModules();
    const other = await import("../../src/adapters/rest/index.ts");
    expect(other.restSubscriber).not.toBe(restSubscriber);
    const heard: string[] = [];
    const [ours, theirs] = [open(), other.restSubscriber({ url: server.url, token })];
    const stops = [
      await ours.subscribe("a", (message) => heard.push(message)),
      await theirs.subscribe("a", (message) => heard.push(message)),
    ];
    expect(server.open()).toHaveLength(2);
    for (const asked of server.open()) asked.publish("a", "1");
    await vi.waitFor(() => expect(heard).toEqual(["1", "1"]), settled);
    server.answer(refuse(503, html));
    const error = await failureOf(theirs.psubscribe("b", () => {}));
    expect(error).not.toBeInstanceOf(ConnectionError);
    expect(isConnectionError(error)).toBe(true);
    await stopAll(stops);
    await expectNobodyLeft();
  });
});

describe("subscribe and unsubscribe, raced 1,000 times", () => {
  it("lose no subscription and leave no ghost", async () => {
    const subscriber = open();
    const heard = new Map<number, string[]>();
    const names = ["a", "b", "a,b", "c"];
    const staying: (() => Promise<void>)[] = [];
    const leaving: Promise<void>[] = [];
    for (let i = 0; i < 1_000; i += 1) {
      const name = names[i % names.length] ?? "";
      const messages: string[] = [];
      const subscribing = subscriber.subscribe(name, (message) => messages.push(message));
      if (i % 50 < 4) {
        heard.set(i, messages);
        staying.push(await subscribing);
      } else leaving.push(subscribing.then((stop) => stop()));
      if (i % 7 === 0) await Promise.resolve();
      if (i % 31 === 0) await sleep(1);
    }
    await Promise.all(leaving);
    await vi.waitFor(() => {
      const open = server.open().flatMap((asked) => asked.names);
      expect(open.toSorted()).toEqual(names.toSorted());
    }, settled);
    for (const asked of server.open()) asked.names.forEach((name) => asked.publish(name, `to ${name}`));
    await vi.waitFor(() => {
      for (const [i, messages] of heard) expect(messages).toEqual([`to ${names[i % names.length]}`]);
    }, settled);
    await stopAll(staying);
    await expectNobodyLeft();
    const asked = server.asked.length;
    await sleep(150);
    expect(server.asked).toHaveLength(asked);
  });

  it("leave no request when all have gone, however the calls fell", async () => {
    for (let round = 0; round < 20; round += 1) {
      const subscriber = open();
      const all = Array.from({ length: 50 }, async (_, i) => {
        for (let turn = 0; turn < (i * 7 + round) % 40; turn += 1) await Promise.resolve();
        if (i % 5 === 0) await sleep(i % 4);
        const controller = new AbortController();
        const subscribing = subscriber.subscribe(`${i % 6}`, () => {}, { signal: controller.signal });
        if (i % 3 === 0) controller.abort();
        await subscribing.then(
          (stop) => stop(),
          () => {},
        );
      });
      await Promise.all(all);
      await expectNobodyLeft();
    }
    const asked = server.asked.length;
    await sleep(150);
    expect(server.asked).toHaveLength(asked);
  });
});
