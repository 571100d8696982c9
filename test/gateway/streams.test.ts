import { Redis as Client } from "ioredis";
import { beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { memory } from "../../src/adapters/memory/memory.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { OptionError, ReplyError } from "../../src/core/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import type { Subscriber, Unsubscribe } from "../../src/core/port/subscriber.ts";
import { createGateway, type GatewayOptions } from "../../src/gateway/index.ts";
import { createUser } from "../support/acl.ts";
import { expectSoon, openEvents } from "./event-reader.ts";
import { openScene } from "./open-gateway.ts";
import { asBase64, bearer, token } from "./token.ts";

const scene = openScene();
const inMemory = memory();

const reader = "reader-token-reader-token";
const options = { tokens: [token, "second-token-second-token", { token: reader, readOnly: true }] };

describe.each([
  ["a redis-server", () => scene.redis, () => scene.subscriber],
  ["memory()", () => inMemory, () => inMemory],
] satisfies [string, () => Redis, () => Subscriber][])(
  "streams of messages, over %s",
  (name, redisOf, subscriberOf) => {
    let url: string;
    let redis: Redis;
    const serve = (more: Partial<GatewayOptions> = {}) =>
      serveGateway(redis, { ...options, subscriber: subscriberOf(), ...more });
    const publish = (channel: string, message: string) => redis.send(["PUBLISH", channel, message]);
    const ask = async (path: string, init: RequestInit = {}, at = url) => {
      const response = await fetch(at + path, { method: "POST", body: "[]", headers: bearer, ...init });
      return { status: response.status, text: await response.text() };
    };
    const refusal = (error: string, status = 400) => ({ status, text: JSON.stringify({ error: `ERR ${error}` }) });

    beforeAll(async () => {
      redis = redisOf();
      const gateway = await serve();
      url = gateway.url;
      return () => gateway.close(0);
    });

    it("confirm the channel and then carry its messages, framed as the protocol does it", async () => {
      const stream = await openEvents(`${url}/subscribe/chat`);
      await expectSoon(() => stream.raw).toBe("data: subscribe,chat,1\n\n");
      expect(await publish("chat", "hello")).toBe(1);
      await publish("chat", "how are you today?");
      await expectSoon(() => stream.raw).toBe(
        "data: subscribe,chat,1\n\ndata: message,chat,hello\n\ndata: message,chat,how are you today?\n\n",
      );
    });

    it("have the headers of events, and one that tells the time between signs of life", async () => {
      const { response } = await openEvents(`${url}/subscribe/headers`);
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        "content-type": "text/event-stream",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
        "redis-patterns-heartbeat": "15000",
        "upstash-sync-token": expect.stringMatching(/^gw:\d+$/),
      });
    });

    it("carry patterns, with the pattern and the channel before each message", async () => {
      const stream = await openEvents(`${url}/psubscribe/user:*/room%3f`);
      await expectSoon(() => stream.events).toEqual(["psubscribe,user:*,1", "psubscribe,room?,2"]);
      await publish("user:7", "a,b");
      await publish("room1", "");
      await publish("other", "x");
      await publish("user:8", "end");
      await expectSoon(() => stream.events.slice(2)).toEqual([
        "pmessage,user:*,user:7,a,b",
        "pmessage,room?,room1,",
        "pmessage,user:*,user:8,end",
      ]);
    });

    it("carry several channels, each once, and whatever is in their names", async () => {
      const names = ["a", "b c", "ü/☕", "comma,here", "50%", "q?x#y", "a"];
      const stream = await openEvents(`${url}/SUBSCRIBE/${names.map(encodeURIComponent).join("/")}`);
      const confirmed = names.slice(0, 6).map((name, i) => `subscribe,${name},${i + 1}`);
      await expectSoon(() => stream.events).toEqual(confirmed);
      for (const name of names.slice(0, 6)) await publish(name, "x");
      const heard = names.slice(0, 6).map((name) => `message,${name},x`);
      await expectSoon(() => stream.events.slice(6)).toEqual(heard);
    });

    it("are opened by GET, POST and PUT, with a body of any kind, and by a token in the query", async () => {
      const opened = await Promise.all([
        openEvents(`${url}/subscribe/any`, { method: "GET", body: null }),
        openEvents(`${url}/subscribe/any`, { method: "PUT", body: "x".repeat(100_000) }),
        openEvents(`${url}/subscribe/any?_token=${token}`, { headers: {} }),
        openEvents(`${url}/subscribe/any`, { headers: asBase64 }),
      ]);
      for (const stream of opened) await expectSoon(() => stream.events).toEqual(["subscribe,any,1"]);
      await publish("any", "plain text");
      for (const stream of opened) await expectSoon(() => stream.events[1]).toBe("message,any,plain text");
    });

    it.each([
      ["line breaks", "a\nb\n\nc\n", "a\nb\n\nc\n"],
      ["carriage returns, which arrive as line breaks", "a\r\nb\rc", "a\nb\nc"],
      ["what looks like an event", "\n\nevent: dropped\ndata: x\n\n: y", "\n\nevent: dropped\ndata: x\n\n: y"],
      ["another one, by carriage returns", "\r\revent: dropped\rdata: x\r\r", "\n\nevent: dropped\ndata: x\n\n"],
      ["commas, quotes, controls and a byte order mark", '\uFEFF,"{},\0\u2028é€😀', '\uFEFF,"{},\0\u2028é€😀'],
      ["an empty text", "", ""],
      ["a megabyte", "ü".repeat(524_288), "ü".repeat(524_288)],
      ["more than a reader may leave unread", "x".repeat(3_000_000), "x".repeat(3_000_000)],
    ])("carry messages with %s", async (_, message, heard) => {
      const stream = await openEvents(`${url}/subscribe/odd`);
      await expectSoon(() => stream.events).toHaveLength(1);
      await publish("odd", message);
      await publish("odd", "end");
      await expectSoon(() => stream.events.at(-1)).toBe("message,odd,end");
      expect(stream.events[1] === `message,odd,${heard}`).toBe(true);
      expect(stream.events).toHaveLength(3);
      expect(stream.raw).not.toContain("\r");
    });

    it("carry U+FFFD in place of bytes that are not UTF-8", async () => {
      const stream = await openEvents(`${url}/subscribe/bytes`);
      await ask("/publish/bytes/a%ff%00b", { body: null });
      await expectSoon(() => stream.events[1]).toBe("message,bytes,a\uFFFD\0b");
    });

    it("share one subscription of Redis, which ends with the last of them", async () => {
      const numsub = () => redis.send(["PUBSUB", "NUMSUB", "shared"]);
      const numpat = () => redis.send(["PUBSUB", "NUMPAT"]);
      // The tests before have left by now, or are about to.
      await expectSoon(numpat).toBe(0);
      const streams = await Promise.all(
        Array.from({ length: 5 }, (_, i) => openEvents(`${url}/${i % 2 ? "psubscribe" : "subscribe"}/shared`)),
      );
      // In memory there is no connection to share.
      const count = name === "memory()" ? streams.length : 2;
      expect(await numsub()).toEqual(["shared", Math.ceil(count / 2)]);
      expect(await numpat()).toBe(Math.floor(count / 2));
      streams.slice(1).forEach(({ close }) => close());
      await expectSoon(numpat).toBe(0);
      await publish("shared", "still");
      await expectSoon(() => streams[0]?.events.at(-1)).toBe("message,shared,still");
      streams[0]?.close();
      await expectSoon(numsub).toEqual(["shared", 0]);
    });

    it("have signs of life while nothing is said, all by one timer, which ends with the last stream", async () => {
      const gateway = await serve({ heartbeat: 40 });
      const starts = vi.spyOn(globalThis, "setTimeout");
      const streams = await Promise.all(Array.from({ length: 10 }, () => openEvents(`${gateway.url}/subscribe/quiet`)));
      expect(streams[0]?.response.headers.get("redis-patterns-heartbeat")).toBe("40");
      for (const stream of streams) await expectSoon(() => stream.comments).toBeGreaterThan(3);
      const beats = () => starts.mock.calls.filter(([, ms]) => ms === 40).length;
      const most = Math.max(...streams.map(({ comments }) => comments));
      expect(beats()).toBeLessThanOrEqual(most + 2);
      expect(streams[0]?.raw).toMatch(/^data: subscribe,quiet,1\n\n(: \n\n)+$/);
      await gateway.close();
      const after = beats();
      await new Promise((resolve) => setTimeout(resolve, 150));
      expect(beats()).toBe(after);
      starts.mockRestore();
    });

    it.each([
      ["/subscribe", "name a channel after each slash: /subscribe/news, or /subscribe/news/sport for two"],
      ["/subscribe/", "name a channel after each slash: /subscribe/news, or /subscribe/news/sport for two"],
      ["/psubscribe/a//b", "name a channel after each slash: /subscribe/news, or /subscribe/news/sport for two"],
      ["/subscribe/a/", "name a channel after each slash: /subscribe/news, or /subscribe/news/sport for two"],
      ["/subscribe/a?b", "a stream has no options; in a channel, write ? as %3F"],
      ["/subscribe/%ff", "the name of a channel must be text in UTF-8"],
      ["/subscribe/%zz", "failed to parse command"],
      [`/subscribe/${"x".repeat(32_769)}`, "max channel size exceeded. Limit: 32768 bytes"],
      [
        `/subscribe/${Array.from({ length: 1_001 }, (_, i) => i).join("/")}`,
        "too many channels in one stream. Limit: 1000",
      ],
    ])("are refused where nobody could know what is meant: %.40s", async (path, error) => {
      expect(await ask(path)).toEqual(refusal(error));
    });

    it("take a name of 32 kB, and 1,000 channels", async () => {
      const long = await openEvents(`${url}/subscribe/${"x".repeat(32_768)}`);
      const many = await openEvents(`${url}/subscribe/${Array.from({ length: 1_000 }, (_, i) => `m${i}`).join("/")}`);
      await publish("x".repeat(32_768), "heard");
      await publish("m999", "heard, too");
      await expectSoon(() => long.events.at(-1)).toMatch(/x,heard$/);
      await expectSoon(() => many.events.at(-1)).toBe("message,m999,heard, too");
    });

    it("are looked at after the token alone, and refused to a read-only one", async () => {
      const wrong = await ask("/subscribe//x?y", { headers: { authorization: "Bearer no" } });
      expect(wrong.status).toBe(401);
      const noPermission = await ask("/psubscribe/x", { headers: { authorization: `Bearer ${reader}` } });
      expect(noPermission).toEqual({
        status: 400,
        text: '{"error":"NOPERM this user has no permissions to run the \'psubscribe\' command or its subcommand"}',
      });
    });

    it("are neither for other methods nor for the command SUBSCRIBE, and /monitor is not served", async () => {
      expect((await ask("/subscribe/x", { method: "DELETE" })).status).toBe(405);
      expect((await ask("/", { body: '["SUBSCRIBE","x"]' })).text).toMatch(/is not allowed in REST/);
      expect((await ask("/pipeline", { body: '[["SUBSCRIBE","x"],["PING"]]' })).text).toMatch(
        /^\[\{"error":"ERR Command \\"SUBSCRIBE\\" is not allowed.*\},\{"result":"PONG"\}\]$/,
      );
      expect(await ask("/monitor")).toEqual(refusal("/monitor is not served by this gateway", 404));
    });

    it("answer HEAD by their headers, and subscribe to nothing", async () => {
      const response = await fetch(`${url}/subscribe/head`, { method: "HEAD", headers: bearer });
      expect(response.headers.get("content-type")).toBe("text/event-stream");
      expect(await response.text()).toBe("");
      expect(await redis.send(["PUBSUB", "NUMSUB", "head"])).toEqual(["head", 0]);
    });

    it("are for pages of other origins, if theirs is listed", async () => {
      const gateway = await serveGateway(redis, {
        ...options,
        subscriber: subscriberOf(),
        corsOrigins: ["https://a.b"],
      });
      const headers = { ...bearer, origin: "https://a.b" };
      const stream = await openEvents(`${gateway.url}/subscribe/page`, { headers });
      expect(stream.response.headers.get("access-control-allow-origin")).toBe("https://a.b");
      expect(stream.response.headers.get("access-control-expose-headers")).toMatch(/Redis-Patterns-Heartbeat/);
      await gateway.close();
    });

    it("are limited for each token, and a place is free again once its reader has left", async () => {
      const gateway = await serve({ maxStreams: 2 });
      const second = { headers: { authorization: "Bearer second-token-second-token" } };
      const streams = [await openEvents(`${gateway.url}/subscribe/a`), await openEvents(`${gateway.url}/subscribe/b`)];
      expect(await ask("/subscribe/c", {}, gateway.url)).toEqual(
        refusal("too many streams of this token. Limit: 2", 429),
      );
      expect((await openEvents(`${gateway.url}/subscribe/c`, second)).response.status).toBe(200);
      expect((await ask("/ping", { body: null }, gateway.url)).status).toBe(200);
      // Neither a refused request nor a HEAD takes a place.
      await ask("/subscribe//", {}, gateway.url);
      await ask("/subscribe/c", { method: "HEAD", body: null }, gateway.url);
      streams[0]?.close();
      const again = async () => (await openEvents(`${gateway.url}/subscribe/c`)).response.status;
      await expectSoon(again).toBe(200);
      expect(await again()).toBe(429);
      await gateway.close();
    });

    it("end when the server closes", async () => {
      const gateway = await serve();
      const stream = await openEvents(`${gateway.url}/subscribe/closing`);
      await expectSoon(() => stream.events).toHaveLength(1);
      const start = performance.now();
      await gateway.close(20_000);
      expect(performance.now() - start).toBeLessThan(10_000);
      await expectSoon(() => stream.isOpen).toBe(false);
      await expectSoon(() => redis.send(["PUBSUB", "NUMSUB", "closing"])).toEqual(["closing", 0]);
    });

    it("work as a Response of createGateway, and end when its body is cancelled or its signal aborts", async () => {
      const gateway = createGateway(redis, { ...options, subscriber: subscriberOf() });
      const call = (input: URL | RequestInfo, init?: RequestInit) => gateway(new Request(input, init));
      const stream = await openEvents("http://gateway/subscribe/web", {}, call);
      await publish("web", "hello");
      await expectSoon(() => stream.events).toEqual(["subscribe,web,1", "message,web,hello"]);
      const numsub = () => redis.send(["PUBSUB", "NUMSUB", "web"]);
      stream.close();
      await expectSoon(numsub).toEqual(["web", 0]);
      await expectSoon(() => stream.isOpen).toBe(false);
      const { body } = await gateway(new Request("http://gateway/subscribe/web", { headers: bearer }));
      expect(await numsub()).toEqual(["web", 1]);
      await body?.cancel();
      await expectSoon(numsub).toEqual(["web", 0]);
      const head = await gateway(new Request("http://gateway/subscribe/web", { method: "HEAD", headers: bearer }));
      expect(head.body).toBeNull();
    });
  },
);

/** A subscriber whose confirmations the test gives. */
function slowSubscriber() {
  const waiting: { name: string; confirm: (stop: Unsubscribe) => void; refuse: (error: unknown) => void }[] = [];
  const stopped: string[] = [];
  const subscribe: Subscriber["subscribe"] = (name, _, { signal } = {}) =>
    new Promise((confirm, refuse) => {
      waiting.push({ name, confirm, refuse });
      signal?.addEventListener("abort", () => name.startsWith("deaf") || refuse(signal.reason));
    });
  const confirm = (i: number) => {
    const { name = "" } = waiting[i] ?? {};
    waiting[i]?.confirm(async () => void stopped.push(name));
  };
  return { subscriber: { subscribe, psubscribe: subscribe }, waiting, stopped, confirm };
}

describe("a client that leaves, or is refused, while its stream is opened", () => {
  const unused: Redis = { send: () => Promise.resolve(null), pipeline: () => Promise.resolve([]) };

  it("frees its place and what was or will be confirmed, and is no fault", async () => {
    const { subscriber, waiting, stopped, confirm } = slowSubscriber();
    const faults: unknown[] = [];
    const onError = (error: unknown) => faults.push(error);
    const gateway = await serveGateway(unused, { tokens: [token], subscriber, maxStreams: 1, onError });
    const controller = new AbortController();
    const left = fetch(`${gateway.url}/subscribe/a/deaf/c`, { headers: bearer, signal: controller.signal });
    await expectSoon(() => waiting.length).toBe(3);
    confirm(0);
    controller.abort();
    await expect(left).rejects.toThrow("aborted");
    await expectSoon(() => stopped).toEqual(["a"]);
    confirm(1);
    await expectSoon(() => stopped).toEqual(["a", "deaf"]);
    const next = openEvents(`${gateway.url}/subscribe/d`);
    await expectSoon(() => waiting.length).toBe(4);
    confirm(3);
    expect((await next).response.status).toBe(200);
    await gateway.close();
    expect(stopped).toEqual(["a", "deaf", "d"]);
    expect(faults).toEqual([]);
  });

  it("is told the error of one channel, and the others are left", async () => {
    const { subscriber, waiting, stopped, confirm } = slowSubscriber();
    const gateway = createGateway(unused, { tokens: [token], subscriber, maxStreams: 1 });
    const ask = () => gateway(new Request("http://gateway/subscribe/a/b", { headers: bearer }));
    const answer = ask();
    await expectSoon(() => waiting.length).toBe(2);
    confirm(0);
    waiting[1]?.refuse(new ReplyError("NOPERM this user has no permissions to access one of the channels"));
    const response = await answer;
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: "NOPERM this user has no permissions to access one of the channels",
    });
    expect(stopped).toEqual(["a"]);
    void ask();
    await expectSoon(() => waiting.length).toBe(4);
  });
});

it("a message that no stream can carry ends it, and the reader is told", async () => {
  let say: (message: string) => void = () => {};
  const subscribe: Subscriber["subscribe"] = async (name, listener) => {
    say = (message) => listener(message, name);
    return async () => {};
  };
  const gateway = createGateway(inMemory, { tokens: [token], subscriber: { subscribe, psubscribe: subscribe } });
  const response = await gateway(new Request("http://gateway/psubscribe/x", { headers: bearer }));
  say("\n".repeat(16_777_217));
  say("more");
  expect(await response.text()).toBe("event: dropped\ndata: a message has more than 16777216 characters\n\n");
});

it("a channel that the gateway's Redis user may not hear is refused with the error of Redis", async () => {
  const { username, password } = await createUser(scene.redis, "gateway", { prefix: "app" });
  const client = new Client(scene.server.port, { username, password });
  onTestFinished(() => client.disconnect());
  const gateway = createGateway(scene.redis, { tokens: [token], subscriber: ioredisSubscriber(client) });
  const ask = (path: string) => gateway(new Request(`http://gateway${path}`, { headers: bearer }));
  const own = await ask("/subscribe/room:app:7");
  expect(own.status).toBe(200);
  await own.body?.cancel();
  for (const path of ["/subscribe/room:other:7", "/subscribe/room:app:7/other", "/psubscribe/*"]) {
    const refused = await ask(path);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toEqual({ error: expect.stringMatching(/^NOPERM /) });
  }
  await expectSoon(() => scene.redis.send(["PUBSUB", "CHANNELS", "room:*"])).toEqual([]);
});

it.each([
  [{ subscriber: {} as Subscriber }, "`subscriber` must be a subscriber"],
  [{ subscriber: { subscribe: () => {} } as unknown as Subscriber }, "`subscriber` must be a subscriber"],
  [{ heartbeat: 0 }, "`heartbeat`"],
  [{ maxStreams: 0 }, "`maxStreams`"],
  [{ maxChannels: 1.5 }, "`maxChannels`"],
  [{ maxPending: Number.NaN }, "`maxPending`"],
])("an option that can never work is refused: %j", (more, message) => {
  const create = () => createGateway(inMemory, { tokens: [token], ...more });
  expect(create).toThrow(OptionError);
  expect(create).toThrow(message);
});
