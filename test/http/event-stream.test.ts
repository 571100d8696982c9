import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioredis, ioredisSubscriber } from "../../src/adapters/ioredis/index.ts";
import { type Channels, createChannels, fireAndForget, resumable } from "../../src/core/patterns/pubsub/index.ts";
import { hours } from "../../src/core/time/duration.ts";
import { readEvents } from "../fixtures/event-source.ts";
import { type RoomsApp, roomsApps } from "../fixtures/event-stream-apps.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let server: RedisServer;
let client: Client;
let listening: Client;
const uncaught: unknown[] = [];

beforeAll(async () => {
  process.on("uncaughtException", note).on("unhandledRejection", note);
  server = await startRedis();
  client = new Client({ host: server.host, port: server.port });
  listening = client.duplicate();
  for (const each of [client, listening]) each.on("error", () => {});
});
afterAll(async () => {
  process.off("uncaughtException", note).off("unhandledRejection", note);
  client.disconnect();
  listening.disconnect();
  await server.stop();
});

function note(error: unknown): void {
  uncaught.push(error);
}

/** How many connections listen to a room. */
async function listeners(room: string): Promise<number> {
  const [, count] = await client.pubsub("NUMSUB", `channel:http:{${room}}`);
  return Number(count);
}

const channelsOf = (delivery = resumable({ keep: { age: hours(1), length: 10_000 } })): Channels =>
  createChannels(ioredis(client), { prefix: "http", subscriber: ioredisSubscriber(listening), delivery });

describe.each(roomsApps)("event streams in %s", (name, start) => {
  let app: RoomsApp;
  let passing: RoomsApp;
  beforeAll(async () => {
    app = await start(channelsOf(), { heartbeat: 20, from: "beginning" });
    passing = await start(channelsOf(fireAndForget()), { heartbeat: 20, buffer: 50 });
  });
  afterAll(async () => {
    await app.close();
    await passing.close();
  });
  const roomOf = (what: string) => `${name}-${what}`.replaceAll(" ", "-");

  it("says what is published, at once, and comments meanwhile", async () => {
    const room = roomOf("says");
    const response = await fetch(`${app.url}/rooms/${room}`);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("cache-control")).toBe("no-cache, no-transform");
    expect(response.headers.get("x-accel-buffering")).toBe("no");
    const browser = readEvents(response);
    for (const text of ["hello", "again"]) {
      const before = browser.comments;
      await browser.when(() => browser.comments > before);
      await channelsOf().publish(room, { text });
    }
    await browser.until(2);
    expect(browser.heard.map(({ data }) => data)).toEqual(['{"text":"hello"}', '{"text":"again"}']);
    await browser.leave();
    await expect.poll(() => listeners(room), { timeout: 5_000 }).toBe(0);
  });

  it("goes on after the last id", async () => {
    const room = roomOf("resumes");
    const ids: string[] = [];
    for (const text of ["0", "1", "2"]) ids.push((await channelsOf().publish(room, text)).id ?? "");
    const browser = readEvents(await fetch(`${app.url}/rooms/${room}`, { headers: { "Last-Event-ID": ids[1] ?? "" } }));
    await browser.until(1);
    expect(browser.heard).toEqual([{ event: "message", data: '"2"', lastEventId: ids[2] }]);
    await browser.leave();
  });

  it("frees the subscription of a browser whose connection breaks", async () => {
    const room = roomOf("leaves");
    const sockets: Socket[] = [];
    for (let i = 0; i < 3; i += 1) sockets.push(await openBrowser(app.url, room));
    await expect.poll(() => listeners(room)).toBe(1);
    for (const socket of sockets) socket.resetAndDestroy();
    await expect.poll(() => listeners(room), { timeout: 5_000 }).toBe(0);
  });

  it("holds nothing for a browser that stops reading", async () => {
    const room = roomOf("stalls");
    const socket = await openBrowser(passing.url, room);
    await expect.poll(() => listeners(room)).toBe(1);
    socket.pause();
    const text = "x".repeat(90_000);
    for (let i = 0; i < 200; i += 1) await channelsOf(fireAndForget()).publish(room, text);
    // What is waiting is more than its channel may keep waiting, so the stream ends.
    await expect.poll(() => listeners(room), { timeout: 10_000 }).toBe(0);
    socket.destroy();
  });

  it("stays open while Redis restarts, tells that the history is gone, and goes on", async () => {
    const room = roomOf("restarts");
    await channelsOf().publish(room, "before");
    const browser = readEvents(await fetch(`${app.url}/rooms/${room}`));
    await browser.until(1);
    await server.restart();
    await browser.until(2);
    await expect.poll(() => listeners(room).catch(() => 0), { timeout: 10_000 }).toBe(1);
    await channelsOf().publish(room, "after");
    await browser.until(3);
    expect(browser.heard.map(({ event, data }) => [event, data])).toEqual([
      ["message", '"before"'],
      ["gap", JSON.stringify({ from: browser.heard[0]?.lastEventId, to: "0-0" })],
      ["message", '"after"'],
    ]);
    await browser.leave();
  });

  it("answers a HEAD without a subscription", async () => {
    const room = roomOf("head");
    const response = await fetch(`${app.url}/rooms/${room}`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(await listeners(room)).toBe(0);
  });

  it("throws at nobody who listens to no errors", () => {
    expect(uncaught).toEqual([]);
  });
});

/** A browser that has got the head of the answer. */
async function openBrowser(url: string, room: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = createConnection({ host: hostname, port: Number(port) });
  socket.on("error", () => {});
  socket.write(`GET /rooms/${room} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  await once(socket, "data");
  socket.on("data", () => {});
  return socket;
}
