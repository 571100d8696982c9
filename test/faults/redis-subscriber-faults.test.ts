import { Cluster, Redis as Redis6 } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { IoredisSubscriberClient } from "../../src/adapters/ioredis/client.ts";
import { ioredisSubscriber, type IoredisSubscriberOptions } from "../../src/adapters/ioredis/subscriber.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";
import { sized } from "../support/long.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

type At = { readonly host: string; readonly port: number };
type Client = Redis6 | Redis5 | Cluster | Cluster5;
type Login = { readonly username?: string; readonly password?: string };

const quick = { retryStrategy: () => 20 };
/** All that a Cluster says of its one node leads to `at`. */
const behind = (at: At, behindIt: At) => ({ natMap: { [`${behindIt.host}:${behindIt.port}`]: at } });
const clusterRetryStrategy = () => 20;
const rows: readonly (readonly [name: string, create: (at: At, behindIt: At, login?: Login) => Client])[] = [
  ["ioredis 5", (at, _, login) => new Redis5({ ...at, ...quick, ...login })],
  ["ioredis 6", (at, _, login) => new Redis6({ ...at, ...quick, ...login })],
  ["ioredis 6, protocol 2", (at, _, login) => new Redis6({ ...at, ...quick, ...login, protocol: 2 })],
  [
    "ioredis 5, Cluster",
    (at, it, login) => new Cluster5([at], { ...behind(at, it), clusterRetryStrategy, redisOptions: { ...login } }),
  ],
  [
    "ioredis 6, Cluster",
    (at, it, login) => new Cluster([at], { ...behind(at, it), clusterRetryStrategy, redisOptions: { ...login } }),
  ],
];

const settled = { timeout: 10_000, interval: 20 };

/** In `npm test`, one client and one Cluster. */
const newest = rows.filter(([name]) => name === "ioredis 6" || name === "ioredis 6, Cluster");

describe.each(sized(rows, newest))("a subscriber on %s", (name, create) => {
  let server: RedisServer;
  let proxy: CuttingProxy;
  let admin: Redis6;
  const closing: { disconnect(): void }[] = [];

  beforeAll(async () => {
    const cluster = ["--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1"];
    server = await startRedis(...(name.includes("Cluster") ? cluster : []));
    proxy = await startCuttingProxy(server);
    admin = new Redis6({ host: server.host, port: server.port, ...quick });
    admin.on("error", () => {});
    if (!name.includes("Cluster")) return;
    await admin.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
    while (!(await admin.cluster("INFO")).includes("cluster_state:ok")) await sleep(20);
  });
  afterEach(() => {
    server.resume();
    proxy.blackHole(false);
    for (const client of closing.splice(0)) client.disconnect();
  });
  afterAll(async () => {
    admin.disconnect();
    await proxy.stop();
    await server.stop();
  });

  function connect(at: At = server, login?: Login): IoredisSubscriberClient {
    const client = create({ host: at.host, port: at.port }, { host: server.host, port: server.port }, login);
    (client as Redis6).on("error", () => {});
    closing.push(client);
    return client;
  }

  /** A subscriber to a channel, and to a pattern that it matches. */
  async function listenTo(client: IoredisSubscriberClient, channel: string, options?: IoredisSubscriberOptions) {
    const subscriber = ioredisSubscriber(client, options);
    const heard: string[] = [];
    const onReconnect = vi.fn<() => void>();
    const hear = (message: string) => heard.push(message);
    const stops = [
      await subscriber.subscribe(channel, hear, { onReconnect }),
      await subscriber.psubscribe(`${channel}*`, hear, { onReconnect }),
    ];
    return { subscriber, heard, onReconnect, stop: () => Promise.all(stops.map((stop) => stop())) };
  }
  /** A subscriber whose user has these channels, and a way to change them. */
  async function connectAs(...channels: readonly string[]) {
    const login = { username: `ear-${name.replaceAll(/\W/g, "")}`, password: "secret" };
    const commands = ["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ping", "info", "cluster"];
    const rights = commands.map((command) => `+${command}`);
    const set = (...channels: readonly string[]) =>
      admin.call("ACL", "SETUSER", login.username, "reset", "on", ">secret", "resetchannels", ...channels, ...rights);
    await set(...channels);
    return { subscriber: ioredisSubscriber(connect(server, login)), set };
  }
  const pings = async () => Number(/cmdstat_ping:calls=(\d+)/.exec(await admin.info("commandstats"))?.[1] ?? 0);
  const publish = (channel: string, message: string) => admin.publish(channel, message);

  describe("with a heartbeat (ioredis #1451)", () => {
    it("notices a connection that was forgotten without a word, and makes another", async () => {
      const { heard, onReconnect } = await listenTo(connect(proxy), "half-open", { heartbeat: 50, timeout: 250 });
      for (const round of [1, 2]) {
        proxy.forget();
        await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledTimes(2 * round), settled);
        await publish("half-open", `round ${round}`);
        await vi.waitFor(() => expect(heard.slice(-2)).toEqual([`round ${round}`, `round ${round}`]), settled);
      }
      expect(heard).toHaveLength(4);
    });

    it("comes back from a black hole in which new connections end, too", async () => {
      const { heard, onReconnect } = await listenTo(connect(proxy), "hole", { heartbeat: 50, timeout: 250 });
      proxy.blackHole(true);
      proxy.forget();
      await sleep(1_000);
      expect(onReconnect).not.toHaveBeenCalled();
      proxy.blackHole(false);
      await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledTimes(2), settled);
      await publish("hole", "heard");
      await vi.waitFor(() => expect(heard).toEqual(["heard", "heard"]), settled);
    });

    it("leaves a connection alone on which nothing is said but its own, and sends nothing when nobody listens", async () => {
      const { heard, onReconnect, stop } = await listenTo(connect(), "quiet", { heartbeat: 20, timeout: 2_000 });
      const before = await pings();
      await vi.waitFor(async () => expect(await pings()).toBeGreaterThan(before + 10), settled);
      expect(onReconnect).not.toHaveBeenCalled();
      await publish("quiet", "heard");
      await vi.waitFor(() => expect(heard).toEqual(["heard", "heard"]), settled);
      await stop();
      await sleep(50);
      const after = await pings();
      await sleep(200);
      expect(await pings()).toBe(after);
    });

    it("beats as often as the most frequent of several subscribers over one client asks", async () => {
      const client = connect();
      const slow = await listenTo(client, "beats", { heartbeat: 600_000 });
      const before = await pings();
      const fast = await listenTo(client, "beats", { heartbeat: 20 });
      await vi.waitFor(async () => expect(await pings()).toBeGreaterThan(before + 3), settled);
      await fast.stop();
      await publish("beats", "heard");
      await vi.waitFor(() => expect(slow.heard).toEqual(["heard", "heard"]), settled);
      expect(fast.heard).toEqual([]);
    });
  });

  it("sends no PING without a heartbeat", async () => {
    await listenTo(connect(), "silent");
    const before = await pings();
    await sleep(300);
    expect(await pings()).toBe(before);
  });

  it("hears each message once after many lost connections and restarts (ioredis #803, #85)", async () => {
    const { heard, onReconnect } = await listenTo(connect(), "restarts");
    for (let round = 1; round <= sized(10, 4); round += 1) {
      onReconnect.mockClear();
      if (round % 2 === 0) {
        await server.kill();
        // Several attempts to connect fail.
        await sleep(100);
        await server.restart();
        if (name.includes("Cluster")) await admin.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383).catch(() => {});
      } else await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
      await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledTimes(2), settled);
      heard.length = 0;
      await publish("restarts", `round ${round}`);
      await publish("restarts", "end");
      await vi.waitFor(() => expect(heard.filter((message) => message === "end")).toHaveLength(2), settled);
      expect(heard).toEqual([`round ${round}`, `round ${round}`, "end", "end"]);
    }
  });

  it("hears each message at most once while its connection is exchanged under a stream of messages", async () => {
    const client = connect();
    const { heard, onReconnect } = await listenTo(client, "exchange");
    let sent = 0;
    const over = new AbortController();
    const sending = (async () => {
      for (; !over.signal.aborted; sent += 1) await publish("exchange", String(sent));
    })();
    for (let round = 1; round <= sized(20, 5); round += 1) {
      onReconnect.mockClear();
      exchange(client);
      await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledTimes(2), settled);
    }
    over.abort();
    await sending;
    await publish("exchange", "end");
    await vi.waitFor(() => expect(heard.filter((message) => message === "end")).toHaveLength(2), settled);
    const counts = new Map<string, number>();
    for (const message of heard) counts.set(message, (counts.get(message) ?? 0) + 1);
    // One for the channel and one for the pattern.
    expect([...counts].filter(([, count]) => count > 2)).toEqual([]);
    expect(counts.size).toBeGreaterThan(1);
  });

  it("keeps who is there, and nobody else, where some come and go while the connection is lost again and again", async () => {
    const subscriber = ioredisSubscriber(connect());
    const here = new Map<number, () => Promise<void>>();
    const heard: number[] = [];
    const over = new AbortController();
    const killing = (async () => {
      while (!over.signal.aborted) {
        await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
        await sleep(30);
      }
    })();
    for (let i = 0; i < sized(200, 40); i += 1) {
      const kind = i % 2 ? "subscribe" : "psubscribe";
      const coming = subscriber[kind]("churn", () => heard.push(i)).then((stop) => here.set(i, stop));
      const [first] = here;
      if (i % 3 > 0 && first) {
        here.delete(first[0]);
        await Promise.all([first[1](), coming]);
      } else await coming;
    }
    over.abort();
    await killing;
    await vi.waitFor(async () => {
      heard.length = 0;
      await publish("churn", "who is there?");
      await sleep(50);
      expect(heard.toSorted((a, b) => a - b)).toEqual([...here.keys()].toSorted((a, b) => a - b));
    }, settled);
    await Promise.all([...here.values()].map((stop) => stop()));
    await vi.waitFor(async () => expect(await publish("churn", "nobody")).toBe(0), settled);
  });

  it("is refused what its user may not hear, and hears the rest", async () => {
    const { subscriber } = await connectAs("&mine*", "&lent");
    const heard: string[] = [];
    const hear = (message: string) => heard.push(message);
    await subscriber.subscribe("mine", hear);
    await subscriber.psubscribe("mine*", hear);
    await expect(subscriber.subscribe("theirs", hear)).rejects.toMatchObject({ name: "ReplyError", code: "NOPERM" });
    // One pattern within another is not asked for.
    await expect(subscriber.psubscribe("mine:a*", hear)).rejects.toMatchObject({ name: "ReplyError", code: "NOPERM" });
    await publish("theirs", "unheard");
    await publish("mine", "heard");
    await vi.waitFor(() => expect(heard).toEqual(["heard", "heard"]), settled);
  });

  it("gets back what was taken away from its user for a while, and ends no process meanwhile", async () => {
    const { subscriber, set } = await connectAs("&mine*", "&lent");
    const heard: string[] = [];
    const [back, kept] = [vi.fn<() => void>(), vi.fn<() => void>()];
    const hear = (message: string, channel: string) => heard.push(`${channel} ${message}`);
    await subscriber.subscribe("mine", hear, { onReconnect: kept });
    await subscriber.psubscribe("mine*", hear);
    await subscriber.subscribe("lent", hear, { onReconnect: back });
    const unhandled = vi.fn<(error: unknown) => void>();
    process.on("unhandledRejection", unhandled);
    // Redis closes the connection of whoever listens to what was taken away.
    await set("&mine*");
    await vi.waitFor(() => expect(kept).toHaveBeenCalledTimes(1), settled);
    await publish("lent", "unheard");
    await publish("mine", "heard");
    await vi.waitFor(() => expect(heard).toEqual(["mine heard", "mine heard"]), settled);
    expect(back).not.toHaveBeenCalled();
    await set("&mine*", "&lent");
    await vi.waitFor(() => expect(back).toHaveBeenCalledTimes(1), settled);
    await publish("lent", "again");
    await vi.waitFor(() => expect(heard.slice(2)).toEqual(["lent again"]), settled);
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it("rejects with Redis' refusal where the password is wrong", async () => {
    const subscriber = ioredisSubscriber(connect(server, { username: "default", password: "wrong" }), { timeout: 500 });
    await admin.config("SET", "requirepass", "right");
    try {
      const outcome = await subscriber.subscribe("door", () => {}).catch((error: unknown) => error);
      expect(outcome).toMatchObject({ message: expect.stringMatching(/NOAUTH|WRONGPASS/) });
    } finally {
      await admin.config("SET", "requirepass", "");
    }
  });

  it("lets an error of a listener surface, and calls the others all the same", async () => {
    const subscriber = ioredisSubscriber(connect());
    const heard: string[] = [];
    const onReconnect = vi.fn<() => void>();
    const fault = new Error("a listener must not throw");
    const fail = () => {
      throw fault;
    };
    await subscriber.subscribe("throws", fail, { onReconnect: fail });
    await subscriber.subscribe("throws", (message) => heard.push(message), { onReconnect });
    const errors = await catchUncaught(async () => {
      await publish("throws", "1");
      await vi.waitFor(() => expect(heard).toEqual(["1"]), settled);
      await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
      await vi.waitFor(() => expect(onReconnect).toHaveBeenCalledTimes(1), settled);
    });
    expect(errors).toEqual([fault, fault]);
    await publish("throws", "2");
    await catchUncaught(() => vi.waitFor(() => expect(heard).toEqual(["1", "2"]), settled));
  });

  it("shares one client with others: what one leaves, another still hears", async () => {
    const client = connect();
    const [one, other] = [await listenTo(client, "shared"), await listenTo(client, "shared")];
    await one.stop();
    await publish("shared", "heard");
    await vi.waitFor(() => expect(other.heard).toEqual(["heard", "heard"]), settled);
    expect(one.heard).toEqual([]);
    expect(await publish("shared", "once a connection and kind")).toBe(2);
    await other.stop();
    expect(await publish("shared", "nobody")).toBe(0);
  });
});

/** Lets the client take another connection: a Cluster as it does when a node has left. */
function exchange(client: IoredisSubscriberClient): void {
  const owner = Reflect.get(client, "subscriber") as { selectSubscriber?(): void } | undefined;
  if (owner?.selectSubscriber) owner.selectSubscriber();
  else (client as Redis6).disconnect(true);
}

/** What nobody has caught while `work` ran. */
async function catchUncaught(work: () => Promise<unknown>): Promise<unknown[]> {
  const others = process.listeners("uncaughtException");
  const errors: unknown[] = [];
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", (error) => errors.push(error));
  try {
    await work();
    await sleep(0);
  } finally {
    process.removeAllListeners("uncaughtException");
    for (const other of others) process.on("uncaughtException", other);
  }
  return errors;
}
