import { createServer, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { Redis } from "@upstash/redis";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { expectSoon } from "./event-reader.ts";
import { openScene } from "./open-gateway.ts";
import { bearer, token } from "./token.ts";

// The package as it is installed, over real HTTP. What its own tests of `subscribe` and `psubscribe` ask of a server is asked here.
const scene = openScene();
let url: string;
let redis: Redis;

beforeAll(async () => {
  url = await scene.serve({ subscriber: scene.subscriber });
  redis = new Redis({ url, token });
});

interface Heard {
  readonly channel: string;
  readonly message: unknown;
  readonly pattern?: string;
}

/** Subscribes by a client, and waits until each stream has said that it is confirmed. */
async function hear(word: "subscribe" | "psubscribe", names: string[], client = redis) {
  const subscriber = client[word]<unknown>(names);
  const heard: Heard[] = [];
  const counts: number[] = [];
  const errors: Error[] = [];
  subscriber.on(word === "subscribe" ? "message" : "pmessage", (data: Heard) => heard.push(data));
  subscriber.on(word as "subscribe", (count) => counts.push(count));
  subscriber.on("error", (error) => errors.push(error));
  onTestFinished(() => subscriber.unsubscribe());
  await expectSoon(() => counts.length).toBe(names.length);
  return { subscriber, heard, counts, errors };
}

/** Passes a stream on in pieces of seven bytes. */
async function passInPieces(path: string, outgoing: ServerResponse): Promise<void> {
  const upstream = await fetch(url + path, { method: "POST", headers: bearer });
  outgoing.writeHead(upstream.status, { "content-type": "text/event-stream" });
  for await (const chunk of Readable.fromWeb(upstream.body as never)) {
    for (let at = 0; at < chunk.length; at += 7) {
      outgoing.write(chunk.subarray(at, at + 7));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  outgoing.end();
}

const messages = (heard: readonly Heard[]) => heard.map(({ message }) => message);
const numsub = (channel: string) => scene.redis.send(["PUBSUB", "NUMSUB", channel]);
const numpat = () => scene.redis.send(["PUBSUB", "NUMPAT"]);

describe("subscribe of @upstash/redis", () => {
  it("hears one message", async () => {
    const { heard } = await hear("subscribe", ["single"]);
    expect(await redis.publish("single", "really?")).toBe(1);
    await expectSoon(() => heard).toEqual([{ channel: "single", message: "really?" }]);
  });

  it("hears several in their order", async () => {
    const { heard } = await hear("subscribe", ["several"]);
    const said = ["First", "Second", "Third"].map((message, i) => ({ user: "ada", message, at: i }));
    for (const message of said) await redis.publish("several", message);
    await expectSoon(() => messages(heard)).toEqual(said);
  });

  it("hears those of one channel by the event of its name", async () => {
    const { subscriber } = await hear("subscribe", ["named", "other"]);
    const named: unknown[] = [];
    subscriber.on("message:named", ({ message }) => named.push(message));
    await redis.publish("other", "not for it");
    await redis.publish("named", { user: "ada", at: 1 });
    await expectSoon(() => named).toEqual([{ user: "ada", at: 1 }]);
  });

  it("hears the same by two subscribers", async () => {
    const [one, two] = [await hear("subscribe", ["both"]), await hear("subscribe", ["both"])];
    await redis.publish("both", { message: "Broadcast" });
    for (const { heard } of [one, two]) await expectSoon(() => messages(heard)).toEqual([{ message: "Broadcast" }]);
  });

  it("leaves one of two channels, and hears the other one", async () => {
    const { subscriber, heard } = await hear("subscribe", ["left", "kept"]);
    await redis.publish("left", { test: "before" });
    await redis.publish("kept", { test: "before" });
    await expectSoon(() => heard).toHaveLength(2);
    await subscriber.unsubscribe(["left"]);
    expect(subscriber.getSubscribedChannels()).toEqual(["kept"]);
    await expectSoon(() => numsub("left")).toEqual(["left", 0]);
    expect(await redis.publish("left", { test: "after" })).toBe(0);
    await redis.publish("kept", { test: "after" });
    await expectSoon(() => heard.slice(2)).toEqual([{ channel: "kept", message: { test: "after" } }]);
    await subscriber.unsubscribe();
    await expectSoon(() => numsub("kept")).toEqual(["kept", 0]);
  });

  it("is told once that it is subscribed, with the count of its stream", async () => {
    const { counts } = await hear("subscribe", ["counted"]);
    await redis.publish("counted", "x");
    expect(counts).toEqual([1]);
  });

  it("is told the count of its own stream, whoever else listens to the channel", async () => {
    const first = await hear("subscribe", ["counted"]);
    const second = await hear("subscribe", ["counted"]);
    expect([first.counts, second.counts]).toEqual([[1], [1]]);
  });

  it("hears what arrives cut into pieces anywhere", async () => {
    const pieces = createServer((incoming, outgoing) => void passInPieces(incoming.url ?? "", outgoing));
    pieces.listen(0, "127.0.0.1");
    await once(pieces, "listening");
    onTestFinished(() => pieces.closeAllConnections());
    const { port } = pieces.address() as AddressInfo;
    const { heard } = await hear("subscribe", ["pieces"], new Redis({ url: `http://127.0.0.1:${port}`, token }));
    const said = [
      { id: "msg1", content: "hello, wörld" },
      { id: "msg2", content: "☕".repeat(100) },
    ];
    for (const message of said) await redis.publish("pieces", message);
    await expectSoon(() => messages(heard)).toEqual(said);
    pieces.close();
  });
});

describe("psubscribe of @upstash/redis", () => {
  it("hears what matches its pattern, and nothing else", async () => {
    const { heard } = await hear("psubscribe", ["user:*"]);
    const said = { user: "ada", message: "Hello, World!" };
    await redis.publish("other:789", said);
    await redis.publish("user:123", said);
    await redis.publish("user:456", said);
    await expectSoon(() => messages(heard)).toEqual([said, said]);
  });

  it("hears the pattern and the channel with each message", async () => {
    const { heard } = await hear("psubscribe", ["chat:*:messages"]);
    await redis.publish("chat:room1:users", { msg: "User joined" });
    await redis.publish("chat:room1:messages", { msg: "Hello Room 1" });
    await redis.publish("chat:room2:messages", { msg: "Hello Room 2" });
    const pattern = "chat:*:messages";
    await expectSoon(() => heard).toEqual([
      { pattern, channel: "chat:room1:messages", message: { msg: "Hello Room 1" } },
      { pattern, channel: "chat:room2:messages", message: { msg: "Hello Room 2" } },
    ]);
  });

  it("hears several patterns, each its own", async () => {
    const { heard } = await hear("psubscribe", ["user:*", "chat:*"]);
    await redis.publish("other:xyz", { type: "other" });
    await redis.publish("user:123", { type: "user" });
    await redis.publish("chat:room1", { type: "chat" });
    await expectSoon(() => heard).toHaveLength(2);
    const of = (pattern: string) => heard.filter((data) => data.pattern === pattern).map(({ channel }) => channel);
    expect([of("user:*"), of("chat:*")]).toEqual([["user:123"], ["chat:room1"]]);
  });

  it("leaves one of two patterns, and hears the other one", async () => {
    // The tests before have left by now, or are about to.
    await expectSoon(numpat).toBe(0);
    const { subscriber, heard } = await hear("psubscribe", ["user:*", "chat:*"]);
    await redis.publish("user:123", { msg: "user1" });
    await redis.publish("chat:room1", { msg: "chat1" });
    await expectSoon(() => heard).toHaveLength(2);
    await subscriber.unsubscribe(["user:*"]);
    expect(subscriber.getSubscribedChannels()).toEqual(["chat:*"]);
    await expectSoon(numpat).toBe(1);
    expect(await redis.publish("user:123", { msg: "user2" })).toBe(0);
    await redis.publish("chat:room1", { msg: "chat2" });
    await expectSoon(() => messages(heard.slice(2))).toEqual([{ msg: "chat2" }]);
  });

  it("and subscribe hear the same message, each once", async () => {
    const byPattern = await hear("psubscribe", ["user:*"]);
    const byChannel = await hear("subscribe", ["user:123"]);
    expect(await redis.publish("user:123", { msg: "Hello" })).toBe(2);
    for (const { heard } of [byPattern, byChannel]) {
      await expectSoon(() => messages(heard)).toEqual([{ msg: "Hello" }]);
    }
  });
});

describe("what @upstash/redis makes of the rest", () => {
  it("signs of life and a confirmation that comes once more harm nothing", async () => {
    const quiet = new Redis({ url: await scene.serve({ subscriber: scene.subscriber, heartbeat: 20 }), token });
    const { heard, errors } = await hear("subscribe", ["quiet"], quiet);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await redis.publish("quiet", 1);
    await expectSoon(() => messages(heard)).toEqual([1]);
    expect(errors).toEqual([]);
  });

  it("a refusal is its event `error`", async () => {
    const wrong = new Redis({ url, token: "wrong" }).subscribe(["refused"]);
    const errors: Error[] = [];
    wrong.on("error", (error) => errors.push(error));
    await expectSoon(() => errors.map(String)).toEqual([expect.stringContaining("WRONGPASS")]);
  });

  it("a channel with a question mark, which it does not encode, is refused and not another one", async () => {
    const cut = redis.subscribe(["what?x"]);
    const errors: Error[] = [];
    cut.on("error", (error) => errors.push(error));
    await expectSoon(() => errors.map(String)).toEqual([expect.stringContaining("write ? as %3F")]);
  });
});
