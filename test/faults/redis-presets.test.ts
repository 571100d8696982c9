import { execFileSync } from "node:child_process";
import { Cluster, Redis as Redis6 } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { setPassword } from "../../src/adapters/ioredis/password.ts";
import { lambda, managedCluster, server as serverPreset } from "../../src/adapters/ioredis/presets.ts";
import { createCache } from "../../src/core/patterns/cache/index.ts";
import { createLimiter, fixedWindow } from "../../src/core/patterns/limiter/index.ts";
import type { Redis, SendOptions } from "../../src/core/port/redis.ts";
import { text } from "../../src/core/port/reply.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type CuttingProxy, startCuttingProxy } from "../support/cutting-proxy.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { stopwatch } from "../support/stopwatch.ts";
import { certificate, startTlsProxy, type TlsProxy } from "../support/tls-proxy.ts";

type At = { readonly host: string; readonly port: number };
const minute = 60_000;
/** What a busy machine may add to any wait. */
const slack = 1_400;

const presets = [
  ["lambda, ioredis 5", (at: At) => new Redis5({ ...at, ...lambda })],
  ["lambda, ioredis 6", (at: At) => new Redis6({ ...at, ...lambda })],
  ["server, ioredis 5", (at: At) => new Redis5({ ...at, ...serverPreset })],
  ["server, ioredis 6", (at: At) => new Redis6({ ...at, ...serverPreset })],
] as const;

describe.each(presets)("the preset %s", (name, create) => {
  const preset = name.startsWith("lambda") ? lambda : serverPreset;
  let server: RedisServer;
  let proxy: CuttingProxy;
  let redis: Redis;
  const closing: { disconnect(): void }[] = [];

  beforeAll(async () => {
    server = await startRedis();
    proxy = await startCuttingProxy(server);
  });
  afterEach(() => {
    proxy.blackHole(false);
    for (const client of closing.splice(0)) client.disconnect();
  });
  afterAll(async () => {
    await proxy.stop();
    await server.stop();
  });

  /** A connection that has been used, and a counter to use it on. */
  async function warm(at: At): Promise<void> {
    const client = create({ host: at.host, port: at.port });
    client.on("error", () => {});
    closing.push(client);
    redis = ioredis(client);
    await redis.send(["SET", "n", 0, "PX", minute]);
  }
  const increment = (options?: SendOptions) => timed(() => redis.send(["INCR", "n"], options));

  it("goes on within a reconnection after the server closed the connection during a freeze", async () => {
    await warm(server);
    freeze(server, "CLIENT KILL TYPE normal SKIPME yes");
    const { value, took } = await increment({ idempotent: true });
    expect(value).toBe(1);
    expect(took).toBeLessThan(50 + slack);
  });

  it("goes on within a reconnection after the idle connection was reset", async () => {
    await warm(proxy);
    proxy.reset();
    const { value, took } = await increment({ idempotent: true });
    expect(value).toBe(1);
    expect(took).toBeLessThan(50 + slack);
  });

  it("says that a reply was lost, and runs the command again only if it is idempotent", async () => {
    await warm(proxy);
    proxy.cutReplies();
    await expect(increment()).rejects.toMatchObject({ code: "CONNECTION", sent: "unknown" });
    await redis.send(["PING"], { idempotent: true });
    proxy.cutReplies();
    const { value, took } = await increment({ idempotent: true });
    // Once before, and twice now.
    expect(value).toBe(3);
    expect(took).toBeLessThan(50 + slack);
  });

  it("leaves a connection that fell silent: an idempotent call is answered, the next one by all means", async () => {
    await warm(proxy);
    proxy.blackHole(true);
    const first = timed(() => redis.send(["SET", "s", 1, "PX", minute], { idempotent: true }));
    const once = redis.send(["INCR", "n"]).catch((error: unknown) => error);
    await sleep(200);
    proxy.blackHole(false);
    const { value, took } = await first;
    expect(value).toBe("OK");
    expect(took).toBeLessThan(1_000 + 50 + slack);
    expect(await once).toMatchObject({ sent: "unknown" });
    const next = await increment();
    expect(next.value).toBe(2);
    expect(next.took).toBeLessThan(50 + slack);
  });

  it("keeps a connection whose reply lies in the socket of a blocked process, and runs nothing twice", async () => {
    await warm(server);
    const calls = Array.from({ length: 3 }, () => redis.send(["INCR", "n"], { timeout: 300 }));
    const again = redis.send(["INCR", "n"], { timeout: 300, idempotent: true });
    blockFor(1_100);
    expect(await Promise.all([...calls, again])).toEqual([1, 2, 3, 4]);
    expect(await redis.send(["GET", "n"])).toBe("4");
  });

  it("serves a limiter and a cache within their own deadlines after the connection died without a sign", async () => {
    await warm(proxy);
    const limiter = createLimiter(redis, { prefix: name, algorithm: fixedWindow({ limit: 10, window: minute }) });
    const cache = createCache<number>(redis, { prefix: name, ttl: minute });
    for (let i = 0; i < 10; i += 1) await limiter.limit("login");
    await cache.set("page", 7);
    proxy.forget();
    const verdict = limiter.limit("login");
    expect(await verdict).toMatchObject({ allowed: false, degraded: false });
    proxy.forget();
    expect(await cache.getOrSet("page", () => 8)).toBe(7);
  });

  it("says soon that the server is down", async () => {
    await warm(server);
    await server.kill();
    await sleep(20);
    const { value, took } = await timed(() => redis.send(["GET", "n"]).catch((error: unknown) => error));
    expect(value).toMatchObject({ name: "ConnectionError", sent: false });
    expect(took).toBeLessThan(preset === lambda ? 150 + slack : 500 + slack);
    await server.restart();
  });

  it("finds the master again after a failover", async () => {
    await warm(server);
    await redis.send(["REPLICAOF", server.host, 1]);
    const refused = timed(() => redis.send(["SET", "moved", 1, "PX", minute]));
    await sleep(300);
    const admin = new Redis6({ host: server.host, port: server.port });
    await admin.replicaof("NO", "ONE");
    admin.disconnect();
    const { value, took } = await refused;
    expect(value).toBe("OK");
    expect(took).toBeLessThan(300 + 100 + slack);
  });
});

/** Keeps the process from everything else. */
function blockFor(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const clusters = [
  ["ioredis 5", (at: At, options: object) => new Cluster5([at], options)],
  ["ioredis 6", (at: At, options: object) => new Cluster([at], options)],
] as const;

describe.each(clusters)("the preset managedCluster, %s", (_, create) => {
  let server: RedisServer;
  let proxy: TlsProxy;
  let admin: Redis6;
  const closing: { disconnect(): void }[] = [];

  beforeAll(async () => {
    server = await startRedis("--cluster-enabled", "yes");
    proxy = await startTlsProxy(server);
    admin = new Redis6({ host: server.host, port: server.port });
    const endpoint = { "announce-hostname": "localhost", "preferred-endpoint-type": "hostname" };
    for (const [name, value] of Object.entries(endpoint)) await admin.config("SET", `cluster-${name}`, value);
    await admin.config("SET", "cluster-announce-port", proxy.port);
    await admin.call("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
    while (!(await admin.cluster("INFO")).includes("cluster_state:ok")) await sleep(20);
  });
  afterEach(() => {
    for (const cluster of closing.splice(0)) cluster.disconnect();
  });
  afterAll(async () => {
    admin.disconnect();
    await proxy.stop();
    await server.stop();
  });

  function open(options: object, credentials: object = {}) {
    const redisOptions = { ...managedCluster.redisOptions, tls: { ca: certificate }, ...credentials };
    const cluster = create({ host: proxy.host, port: proxy.port }, { ...managedCluster, redisOptions, ...options });
    (cluster as Cluster).on("error", () => {});
    closing.push(cluster);
    return cluster;
  }

  it("connects to nodes by the names in their certificates", async () => {
    const redis = ioredis(open({}));
    expect(await redis.send(["SET", "{tls}a", 1, "PX", minute])).toBe("OK");
    expect(await redis.masters?.()).toHaveLength(1);
  });

  it("is needed: an address passes no certificate", async () => {
    const byAddress = {
      dnsLookup: (_: string, found: (error: null, address: string) => void) => found(null, "127.0.0.1"),
    };
    const refused = ioredis(open(byAddress), { timeout: 500 }).send(["GET", "{tls}a"]);
    await expect(refused).rejects.toMatchObject({ sent: false });
  });

  it("takes a renewed password on its open connections and on those to come", async () => {
    await admin.acl("SETUSER", "app", "on", "~*", "&*", "+@all", ">first");
    const cluster = open({}, { username: "app", password: "first" });
    const redis = ioredis(cluster);
    await redis.send(["SET", "{pw}a", 1, "PX", minute]);
    await admin.acl("SETUSER", "app", "resetpass", ">second");
    await expect(setPassword(cluster, "wrong")).rejects.toMatchObject({ name: "ReplyError", code: "WRONGPASS" });
    await setPassword(cluster, "second");
    for (let round = 0; round < 2; round += 1) {
      await admin.call("CLIENT", "KILL", "USER", "app");
      expect(await eventually(() => redis.send(["GET", "{pw}a"]))).toBe("1");
    }
    const [master] = (await redis.masters?.()) ?? [];
    expect(text((await master?.send(["ACL", "WHOAMI"])) ?? null)).toBe("app");
  });
});

describe.each(presets.slice(0, 2))("setPassword, %s", (_, create) => {
  it("renews the password of a connection, now and after the next reconnection", async () => {
    const server = await startRedis();
    const admin = new Redis6({ host: server.host, port: server.port });
    const client = create({ host: server.host, port: server.port });
    client.on("error", () => {});
    try {
      const redis = ioredis(client);
      await redis.send(["PING"]);
      await admin.config("SET", "requirepass", "token");
      await expect(setPassword(client, "s3cret")).rejects.toMatchObject({ code: "WRONGPASS" });
      await setPassword(client, "token");
      await admin.call("CLIENT", "KILL", "TYPE", "normal");
      expect(await eventually(() => redis.send(["PING"]))).toBe("PONG");
      await expect(setPassword(client, "")).rejects.toMatchObject({ name: "OptionError" });
    } finally {
      client.disconnect();
      admin.disconnect();
      await server.stop();
    }
  });
});

async function timed<T>(call: () => Promise<T>): Promise<{ readonly value: T; readonly took: number }> {
  const elapsed = stopwatch();
  const value = await call();
  return { value, took: elapsed() };
}

/** Stops this whole process, as Lambda does between calls, while the server does something. */
function freeze({ host, port }: At, command: string): void {
  const script = `require("net").connect(${port}, "${host}", function () { this.end(${JSON.stringify(`${command}\r\n`)}) }).resume()`;
  execFileSync(process.execPath, ["-e", script]);
}

async function eventually<T>(call: () => Promise<T>): Promise<T> {
  const end = performance.now() + 5_000;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(20);
    }
  }
}
