import { Cluster, Redis as Redis6 } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { IoredisSubscriberClient } from "../../src/adapters/ioredis/client.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { integer, text } from "../../src/core/port/reply.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

type At = { readonly host: string; readonly port: number };
const quick = { retryStrategy: () => 20 };
const rows: readonly (readonly [name: string, create: (at: At) => Redis6 | Redis5 | Cluster | Cluster5])[] = [
  ["ioredis 5", (at) => new Redis5({ ...at, ...quick })],
  ["ioredis 6", (at) => new Redis6({ ...at, ...quick })],
  ["ioredis 6, protocol 2", (at) => new Redis6({ ...at, ...quick, protocol: 2 })],
  ["ioredis 6, resp3 replies", (at) => new Redis6({ ...at, ...quick, replyMapping: "resp3" })],
  ["ioredis 6, lazy", (at) => new Redis6({ ...at, ...quick, lazyConnect: true })],
  ["ioredis 6, autoResubscribe off", (at) => new Redis6({ ...at, ...quick, autoResubscribe: false })],
  ["ioredis 5, no retries", (at) => new Redis5({ ...at, ...quick, maxRetriesPerRequest: 0 })],
  ["ioredis 6, no retries", (at) => new Redis6({ ...at, ...quick, maxRetriesPerRequest: 0 })],
  ["ioredis 5, Cluster", (at) => new Cluster5([at], { clusterRetryStrategy: () => 20 })],
  ["ioredis 6, Cluster", (at) => new Cluster([at], { clusterRetryStrategy: () => 20 })],
];

describe.each(rows)("a subscriber on %s", (name, create) => {
  let server: RedisServer;
  let admin: Redis6;
  const closing: { disconnect(): void }[] = [];

  beforeAll(async () => {
    const cluster = ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"];
    server = await startRedis(...(name.includes("Cluster") ? cluster : []));
    admin = new Redis6({ host: server.host, port: server.port, ...quick });
    admin.on("error", () => {});
    if (!name.includes("Cluster")) return;
    await admin.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
    while (!(await admin.cluster("INFO")).includes("cluster_state:ok")) await sleep(20);
  });
  afterEach(() => {
    server.resume();
    for (const client of closing.splice(0)) client.disconnect();
  });
  afterAll(async () => {
    admin.disconnect();
    await server.stop();
  });

  function open(timeout = 2_000) {
    const client = create({ host: server.host, port: server.port });
    (client as Redis6).on("error", () => {});
    closing.push(client);
    return { client, subscriber: ioredisSubscriber(client, { timeout }) };
  }
  const subscribers = async (channel: string) => Number((await admin.pubsub("NUMSUB", channel))[1]);
  const settled = { timeout: 8_000, interval: 20 };

  it("hears what is published, as it was published", async () => {
    const { subscriber } = open();
    const heard: string[] = [];
    await subscriber.subscribe("news:ü", (message) => heard.push(message));
    const messages = ["plain", "", "ü😀", '{"a":1}', "two\nlines", "x".repeat(100_000)];
    for (const message of messages) await admin.publish("news:ü", message);
    await vi.waitFor(() => expect(heard).toEqual(messages), settled);
  });

  it("subscribes a channel once for all its listeners, and leaves it with the last", async () => {
    const { subscriber } = open();
    const heard: string[] = [];
    await admin.config("RESETSTAT");
    const leave = await Promise.all(
      ["a", "b", "c"].map((who) => subscriber.subscribe("shared", (message) => heard.push(who + message))),
    );
    await subscriber.subscribe("other", () => heard.push("never"));
    expect(await admin.info("commandstats")).toContain("cmdstat_subscribe:calls=2,");
    await admin.publish("shared", "1");
    await vi.waitFor(() => expect(heard).toEqual(["a1", "b1", "c1"]), settled);
    await leave[0]?.();
    await leave[0]?.();
    expect(await subscribers("shared")).toBe(1);
    await admin.publish("shared", "2");
    await vi.waitFor(() => expect(heard.slice(3)).toEqual(["b2", "c2"]), settled);
    await leave[1]?.();
    await leave[2]?.();
    expect(await subscribers("shared")).toBe(0);
    expect(await subscribers("other")).toBe(1);
  });

  it("keeps nothing on the client while nobody subscribes", async () => {
    const { client, subscriber } = open();
    const first = await subscriber.subscribe("resting", () => {});
    const busy = listenersOf(client);
    await first();
    const resting = listenersOf(client);
    expect(resting).toEqual({
      ...busy,
      message: 0,
      ready: Number(busy["ready"]) - 1,
      close: Number(busy["close"]) - 1,
    });
    for (let round = 0; round < 3; round += 1) await (await subscriber.subscribe("resting", () => {}))();
    expect(await subscribers("resting")).toBe(0);
    expect(listenersOf(client)).toEqual(resting);
  });

  it("subscribes again after a lost connection, and says that messages may be missing", async () => {
    const { subscriber } = open();
    const heard: string[] = [];
    const onReconnect = vi.fn<() => void>();
    await subscriber.subscribe("lost", (message) => heard.push(message), { onReconnect });
    await subscriber.subscribe("lost", (message) => heard.push(message), { onReconnect });
    for (const round of [1, 2]) {
      await killSubscribers(admin);
      await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledTimes(round * 2), settled);
      expect(await subscribers("lost")).toBe(1);
      await admin.publish("lost", `round ${round}`);
      await vi.waitFor(() => expect(heard.slice(-2)).toEqual([`round ${round}`, `round ${round}`]), settled);
    }
    expect(heard).toHaveLength(4);
  });

  it("comes back after the server was down, without those who left meanwhile", async () => {
    const { subscriber } = open();
    const heard: string[] = [];
    const back = vi.fn<() => void>();
    const gone = vi.fn<() => void>();
    await subscriber.subscribe("down", (message) => heard.push(message), { onReconnect: back });
    const leave = await subscriber.subscribe("left", (message) => heard.push(message), { onReconnect: gone });
    await server.kill();
    await sleep(50);
    const left = leave();
    await server.restart();
    await left;
    await vi.waitFor(() => expect(back).toHaveBeenCalledTimes(1), settled);
    await vi.waitFor(async () => expect(await subscribers("left")).toBe(0), settled);
    await admin.publish("left", "unheard");
    await admin.publish("down", "heard");
    await vi.waitFor(() => expect(heard).toEqual(["heard"]), settled);
    expect(gone).not.toHaveBeenCalled();
  });

  it("leaves nobody behind when the wait is aborted or its deadline passes", async () => {
    const { client, subscriber } = open(150);
    const leave = await vi.waitFor(() => subscriber.subscribe("warm", () => {}), settled);
    await leave();
    const resting = listenersOf(client);
    server.pause();
    const reason = { why: "the caller has gone" };
    const controller = new AbortController();
    const heard = vi.fn<(message: string) => void>();
    const aborted = subscriber.subscribe("wait", heard, { signal: controller.signal });
    controller.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    await expect(subscriber.subscribe("wait", heard, { signal: controller.signal })).rejects.toBe(reason);
    await expect(subscriber.subscribe("wait", heard)).rejects.toMatchObject({ name: "TimeoutError", timeout: 150 });
    server.resume();
    await vi.waitFor(async () => expect(await subscribers("wait")).toBe(0), settled);
    await vi.waitFor(() => expect(listenersOf(client)).toEqual(resting), settled);
    await admin.publish("wait", "unheard");
    const next = await subscriber.subscribe("wait", heard);
    await admin.publish("wait", "heard");
    await vi.waitFor(() => expect(heard.mock.calls).toEqual([["heard", "wait"]]), settled);
    await next();
  });

  it("rejects where the connection has ended, and wherever the call can never work", async () => {
    const { client, subscriber } = open();
    await (
      await subscriber.subscribe("ended", () => {})
    )();
    client.disconnect();
    await vi.waitFor(() => expect(client.status).toBe("end"), settled);
    await expect(subscriber.subscribe("ended", () => {})).rejects.toMatchObject({ name: "ConnectionError" });
    await expect(subscriber.subscribe("", () => {})).rejects.toMatchObject({ name: "OptionError" });
    await expect(subscriber.subscribe("ended", "no function" as never)).rejects.toMatchObject({ name: "OptionError" });
  });

  it("may be asked while the connection is being made", async () => {
    for (let pause = 0; pause < 20; pause += 1) {
      const { client, subscriber } = open();
      for (let turn = 0; turn < pause; turn += 1) await new Promise((done) => setImmediate(done));
      const heard = vi.fn<(message: string) => void>();
      const leave = await subscriber.subscribe("early", heard);
      await vi.waitFor(async () => expect(await subscribers("early")).toBe(1), settled);
      await admin.publish("early", "heard");
      await vi.waitFor(() => expect(heard.mock.calls).toEqual([["heard", "early"]]), settled);
      await leave();
      client.disconnect();
    }
  });
});

/** How many listeners of each event the client has. */
function listenersOf(client: IoredisSubscriberClient): Record<string, number> {
  const { listenerCount } = client as unknown as { listenerCount(event: string): number };
  return Object.fromEntries(
    ["message", "ready", "close", "end"].map((event) => [event, listenerCount.call(client, event)]),
  );
}

async function killSubscribers(admin: Redis6): Promise<void> {
  expect(integer(text(String(await admin.call("CLIENT", "KILL", "TYPE", "pubsub"))))).toBeGreaterThan(0);
}
