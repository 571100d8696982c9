import { once } from "node:events";
import type { Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Redis as Client } from "ioredis";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { createFramer } from "../../src/gateway/streams/frames.ts";
import { Outbox } from "../../src/gateway/streams/outbox.ts";
import { long, sized } from "../support/long.ts";
import { startRedis } from "../support/redis-server.ts";
import { type Child, startChild, vitals } from "./child.ts";
import { expectSoon, openEvents } from "./event-reader.ts";
import { openScene } from "./open-gateway.ts";
import { open } from "./open-socket.ts";
import { bearer, token } from "./token.ts";

const scene = openScene();
let admin: Client;

beforeAll(() => {
  admin = new Client(scene.server.port);
  return () => admin.disconnect();
});

const connections = async () =>
  String(await admin.client("LIST"))
    .trim()
    .split("\n").length;
const channels = () => admin.pubsub("CHANNELS", "*");

/** Starts a gateway in a process of its own. */
async function start(streams: Parameters<typeof startChild>[2]): Promise<Child> {
  const child = await startChild(scene.server.port, 1_048_576, streams);
  onTestFinished(child.stop);
  return child;
}

/** Asks for a stream over a bare socket. */
async function subscribe(url: string, path: string): Promise<Socket> {
  const socket = await open(url);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
  return socket;
}

/** Waits until the text has come. */
async function reads(socket: Socket, text: string): Promise<void> {
  let seen = "";
  while (!seen.includes(text)) {
    const [chunk] = await once(socket, "data");
    seen = (seen + String(chunk)).slice(-10_000);
  }
}

const count = sized(1_000, 100);

it(
  `${count} streams take little memory each, hear the same message, and leave nothing in Redis when they have gone`,
  async () => {
    const { child, url } = await start({ maxStreams: count });
    const openAll = async (some: number) => {
      const sockets = await Promise.all(
        Array.from({ length: some }, async (_, i) => {
          const socket = await subscribe(url, `/subscribe/all/own:${i}`);
          await reads(socket, `subscribe,own:${i},2`);
          return socket;
        }),
      );
      return sockets;
    };
    // So that what is made once is not counted.
    for (const socket of await openAll(20)) socket.destroy();
    await expectSoon(channels).toEqual([]);
    const before = { ...(await vitals(child)), connections: await connections() };
    const sockets = await openAll(count);
    const during = await vitals(child);
    const kilobytes = (name: "megabytes" | "heap") => (((during[name] - before[name]) * 1_024) / count).toFixed(1);
    console.log(`${count} streams: ${kilobytes("heap")} kB of objects and ${kilobytes("megabytes")} kB of memory each`);
    expect(during.heap - before.heap).toBeLessThan((count * 40) / 1_024);
    expect(await connections()).toBe(before.connections);
    const heard = sockets.map((socket) => reads(socket, "message,all,to everybody"));
    const began = performance.now();
    await admin.publish("all", "to everybody");
    await Promise.all(heard);
    console.log(`${count} streams: all had heard after ${(performance.now() - began).toFixed(1)} ms`);
    for (const socket of sockets) socket.destroy();
    await expectSoon(channels).toEqual([]);
    expect(await admin.pubsub("NUMSUB", "all")).toEqual(["all", 0]);
    expect(await connections()).toBe(before.connections);
    await expectSoon(async () => (await vitals(child)).sockets).toBe(before.sockets);
    expect((await vitals(child)).heap).toBeLessThan(before.heap + 2 + count / 500);
  },
  sized(120_000, 30_000),
);

describe("a reader that stops to read", () => {
  const maxPending = 262_144;

  it("is told and dropped at the bound, and harms nobody meanwhile", { timeout: 60_000 }, async () => {
    const { child, url } = await start({ maxPending });
    const stalled = await subscribe(url, "/subscribe/news");
    await reads(stalled, "subscribe,news,1");
    stalled.pause();
    const healthy = await openEvents(`${url}/subscribe/news`);
    await expectSoon(() => healthy.events).toHaveLength(1);
    const before = await vitals(child);
    const message = "x".repeat(8_000);
    let slowest = 0;
    let pieces = 0;
    const numsub = async () => Number((await admin.pubsub("NUMSUB", "quiet"))[1]);
    // Its own channel goes away with it.
    const witness = await subscribe(url, "/subscribe/news/quiet");
    await reads(witness, "subscribe,quiet,2");
    witness.pause();
    while ((await numsub()) > 0) {
      const began = performance.now();
      await Promise.all(Array.from({ length: 50 }, () => admin.publish("news", message)));
      pieces += 50;
      await expectSoon(() => healthy.events.length, 2).toBe(1 + pieces);
      slowest = Math.max(slowest, performance.now() - began);
      expect(pieces).toBeLessThan(10_000);
    }
    const megabytes = (pieces * message.length) / 1_048_576;
    console.log(
      `${megabytes.toFixed(0)} MB were published before two stalled readers were dropped; ` +
        `the healthy one had 0.4 MB after at most ${slowest.toFixed(0)} ms`,
    );
    await expectSoon(async () => (await vitals(child)).heap).toBeLessThan(before.heap + 2);
    // It reads what was on its way, and then that it was dropped.
    const told = reads(stalled, `event: dropped\ndata: the reader left more than ${maxPending} bytes unread\n\n`);
    const ended = once(stalled, "close");
    stalled.resume();
    await told;
    stalled.end();
    await ended;
    // The other one reads nothing at all, and is cut. The first one had been counted.
    const left = async () => (await vitals(child)).sockets;
    if (long) await expectSoon(left).toBe(before.sockets - 1);
    witness.destroy();
    await admin.publish("news", "end");
    await expectSoon(() => healthy.events.at(-1)).toBe("message,news,end");
  });

  it("takes hardly more memory than the bytes that it left unread, also where the messages are tiny", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const objects = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const toFrame = createFramer();
    const outbox = new Outbox(10_000_000);
    const before = objects();
    for (let i = 0; i < 100_000; i += 1) outbox.push(toFrame(["message", "tiny"], String(i)));
    // The bytes themselves are outside of the heap: 2.6 MB. An object for each message would take 20 MB of it.
    expect(objects() - before).toBeLessThan(4_000_000);
    outbox.end();
    let size = 0;
    for (let piece = await outbox.read(); piece; piece = await outbox.read()) {
      expect(piece.length).toBeLessThanOrEqual(65_536);
      size += piece.length;
    }
    expect(size).toBe(100_000 * "data: message,tiny,\n\n".length + 488_890);
  });
});

describe("a client of a bare socket", () => {
  it("that asks for a second stream behind a first one, and leaves, leaves nothing", async () => {
    const url = await scene.serve({ subscriber: scene.subscriber, maxStreams: 2 });
    const socket = await subscribe(url, "/subscribe/first");
    socket.write(`GET /subscribe/second HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`);
    await expectSoon(channels).toHaveLength(2);
    socket.destroy();
    await expectSoon(channels).toEqual([]);
  });
});

describe("a Redis that is killed under open streams", () => {
  it("is heard again by each, which is told so by a second confirmation; meanwhile a new stream gets 503", async () => {
    const server = await startRedis();
    const client = new Client(server.port, { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
    const listener = client.duplicate({ lazyConnect: true });
    for (const each of [client, listener]) each.on("error", () => {});
    const gateway = await serveGateway(ioredis(client), {
      tokens: [token],
      subscriber: ioredisSubscriber(listener),
      heartbeat: 50,
    });
    onTestFinished(async () => {
      await gateway.close(0);
      [client, listener].forEach((each) => each.disconnect());
      await server.stop();
    });
    const one = await openEvents(`${gateway.url}/subscribe/news/sport`);
    const two = await openEvents(`${gateway.url}/psubscribe/n*`);
    await expectSoon(() => [one, two].map(({ events }) => events.length)).toEqual([2, 1]);
    await server.kill();
    const refused = async () => {
      const response = await fetch(`${gateway.url}/subscribe/new`, { headers: bearer });
      return `${response.status} ${await response.text()}`;
    };
    await expectSoon(refused).toMatch(/^503 \{"error":"ERR Redis is unavailable; /);
    const beats = one.comments;
    await expectSoon(() => one.comments).toBeGreaterThan(beats + 2);
    await server.restart();
    await expectSoon(() => one.events.slice(2).toSorted()).toEqual(["subscribe,news,1", "subscribe,sport,2"]);
    await expectSoon(() => two.events.slice(1)).toEqual(["psubscribe,n*,1"]);
    const publisher = new Client(server.port);
    expect(await publisher.publish("news", "again")).toBe(2);
    await expectSoon(() => one.events.at(-1)).toBe("message,news,again");
    await expectSoon(() => two.events.at(-1)).toBe("pmessage,n*,news,again");
    expect((await openEvents(`${gateway.url}/subscribe/new`)).response.status).toBe(200);
    publisher.disconnect();
  });
});
