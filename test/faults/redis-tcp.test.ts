import type { Socket } from "node:net";
import { Cluster, Redis as Redis6, type RedisOptions } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ConnectionError, TimeoutError } from "../../src/core/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { text } from "../../src/core/port/reply.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { startCuttingProxy } from "../support/cutting-proxy.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { stopwatch } from "../support/stopwatch.ts";

const minute = 60_000;
type At = { readonly host: string; readonly port: number };
const versions = [
  {
    version: 5,
    create: (at: At, options: object) => new Redis5({ ...at, ...options }),
    createCluster: (at: At, options: object) => new Cluster5([at], options),
  },
  {
    version: 6,
    create: (at: At, options: object) => new Redis6({ ...at, ...options }),
    createCluster: (at: At, options: object) => new Cluster([at], options),
  },
] as const;

describe.each(versions)("ioredis $version", ({ create, createCluster }) => {
  let server: RedisServer;
  let nodes: RedisServer;
  const closing: (() => unknown)[] = [];

  beforeAll(async () => {
    server = await startRedis();
    nodes = await startRedis("--cluster-enabled", "yes", "--cluster-announce-ip", "127.0.0.1");
    await open(nodes).send(["CLUSTER", "ADDSLOTSRANGE", 0, 16_383]);
    await until(open(nodes), async (redis) => text(await redis.send(["CLUSTER", "INFO"])).includes("cluster_state:ok"));
  });
  afterEach(() => {
    server.resume();
    for (const close of closing.splice(0)) close();
  });
  afterAll(async () => {
    await server.stop();
    await nodes.stop();
  });

  function clientOf({ host, port }: At, options: RedisOptions = {}) {
    const client = create({ host, port }, { retryStrategy: () => 20, ...options });
    client.on("error", () => {});
    closing.push(() => client.disconnect());
    return client;
  }
  function open(at: RedisServer, options?: RedisOptions, timeout?: number): Redis {
    return ioredis(clientOf(at, options), timeout === undefined ? {} : { timeout });
  }
  function openCluster(timeout: number): Redis {
    const cluster = createCluster({ host: nodes.host, port: nodes.port }, { clusterRetryStrategy: () => 20 });
    cluster.on("error", () => {});
    closing.push(() => cluster.disconnect());
    return ioredis(cluster, { timeout });
  }

  describe("what its caller gave up", () => {
    it("is not sent once a connection comes about", async () => {
      await server.kill();
      const redis = open(server, { lazyConnect: true }, 150);
      const error: unknown = await redis.send(["SET", "late", 1, "PX", minute]).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(TimeoutError);
      expect(error).toMatchObject({ sent: false, timeout: 150, cause: { code: "ECONNREFUSED" } });
      await server.restart();
      await until(redis, () => redis.send(["SET", "back", 1, "PX", minute]));
      expect(await redis.send(["EXISTS", "late"])).toBe(0);
    });

    it("is not sent again after it was written to a server that died", async () => {
      const redis = open(server, {}, 150);
      await until(redis, () => redis.send(["PING"]));
      server.pause();
      const calls = await Promise.allSettled([
        redis.send(["SET", "{dead}a", 1, "PX", minute]),
        redis.pipeline([["SET", "{dead}b", 1, "PX", minute]]),
        redis.transaction?.([["SET", "{dead}c", 1, "PX", minute]]),
      ]);
      for (const call of calls) expect(call).toMatchObject({ status: "rejected", reason: { sent: "unknown" } });
      await server.restart();
      await until(redis, () => redis.send(["SET", "back", 1, "PX", minute]));
      await sleep(100);
      expect(await redis.send(["EXISTS", "{dead}a", "{dead}b", "{dead}c"])).toBe(0);
    });

    it("is not sent once a Cluster comes back", async () => {
      const redis = openCluster(150);
      await until(redis, () => redis.send(["SET", "{late}", 1, "PX", minute]));
      await nodes.kill();
      const calls = await Promise.allSettled([
        redis.send(["SET", "{late}a", 1, "PX", minute]),
        redis.pipeline([["SET", "{late}b", 1, "PX", minute]]),
        redis.transaction?.([["SET", "{late}c", 1, "PX", minute]]),
      ]);
      for (const call of calls)
        expect(call).toMatchObject({ reason: { name: expect.stringMatching(/Timeout|Connection/) } });
      await nodes.restart();
      await until(redis, () => redis.send(["SET", "back", 1, "PX", minute]));
      await sleep(200);
      expect(await redis.send(["EXISTS", "{late}a", "{late}b", "{late}c"])).toBe(0);
    });

    it("is not sent again by a Cluster whose connection was lost, unless it is idempotent", async () => {
      const cluster = createCluster({ host: nodes.host, port: nodes.port }, { clusterRetryStrategy: () => 20 });
      cluster.on("error", () => {});
      closing.push(() => cluster.disconnect());
      const redis = ioredis(cluster, { timeout: 5_000 });
      await until(redis, () => redis.send(["SET", "{twice}n", 0, "PX", minute]));
      nodes.pause();
      const once = redis.send(["INCR", "{twice}n"]).catch((error: unknown) => error);
      const again = redis.send(["SET", "{twice}s", 1, "PX", minute], { idempotent: true });
      // Both are written: Redis runs them when it goes on, and nobody hears its answers.
      await sleep(50);
      for (const node of cluster.nodes("master")) streamOf(node).destroy();
      nodes.resume();
      expect(await again).toBe("OK");
      expect(await once).toMatchObject({ code: "CONNECTION", sent: "unknown" });
      await sleep(100);
      expect(await redis.send(["GET", "{twice}n"])).toBe("1");
    });

    it("over a Cluster whose connection died without a sign costs half of the deadline, if it is idempotent", async () => {
      const proxy = await startCuttingProxy(nodes);
      closing.push(proxy.stop);
      const natMap = { [`127.0.0.1:${nodes.port}`]: { host: proxy.host, port: proxy.port } };
      const cluster = createCluster({ host: proxy.host, port: proxy.port }, { natMap, clusterRetryStrategy: () => 20 });
      cluster.on("error", () => {});
      closing.push(() => cluster.disconnect());
      const redis = ioredis(cluster, { timeout: 2_000 });
      await until(redis, () => redis.send(["SET", "{dead}s", 1, "PX", minute]));
      proxy.forget();
      const elapsed = stopwatch();
      expect(await redis.send(["GET", "{dead}s"], { idempotent: true })).toBe("1");
      expect(elapsed()).toBeLessThan(1_900);
    });

    it("is not sent when the client's own commandTimeout gave up first", async () => {
      await server.kill();
      const redis = open(server, { commandTimeout: 100 });
      await expect(redis.send(["SET", "own", 1, "PX", minute])).rejects.toMatchObject({
        name: "TimeoutError",
        timeout: 100,
        sent: false,
      });
      await server.restart();
      await until(redis, () => redis.send(["SET", "back", 1, "PX", minute]));
      expect(await redis.send(["EXISTS", "own"])).toBe(0);
    });

    it("leaves the connection in order, a half-sent transaction included", async () => {
      const redis = open(server, {}, 150);
      await redis.send(["PING"]);
      server.pause();
      const given = [redis.transaction?.([["INCR", "order"]]), redis.send(["EVAL", "return 'given up'", 0])];
      for (const call of await Promise.allSettled(given)) expect(call.status).toBe("rejected");
      server.resume();
      expect(await redis.send(["EVAL", "return 'mine'", 0])).toBe("mine");
      expect(await redis.send(["DEL", "order"])).toBe(1);
    });
  });

  describe("what its caller still waits for", () => {
    it("is sent once the connection comes about", async () => {
      await server.kill();
      const redis = open(server);
      const calls = [
        redis.send(["SET", "{wait}a", 1, "PX", minute]),
        redis.pipeline([["SET", "{wait}b", 1, "PX", minute]]),
        redis.transaction?.([["SET", "{wait}c", 1, "PX", minute]]),
      ];
      await server.restart();
      expect(await Promise.all(calls)).toEqual(["OK", ["OK"], ["OK"]]);
    });

    it("is told at once where the client does not queue, retry or live", async () => {
      await server.kill();
      const outcomes = await Promise.allSettled([
        open(server, { enableOfflineQueue: false }).send(["GET", "x"]),
        open(server, { maxRetriesPerRequest: 0 }).send(["GET", "x"]),
        open(server, { retryStrategy: () => null }).send(["GET", "x"]),
        open(server, { retryStrategy: () => null }).pipeline([["GET", "x"]]),
        open(server, { retryStrategy: () => null }).transaction?.([["GET", "x"]]),
      ]);
      await server.restart();
      for (const outcome of outcomes)
        expect(outcome).toMatchObject({ reason: { name: "ConnectionError", sent: false } });
    });
  });

  it("writes a pipeline at most once per 4 kB, and a transaction at once", async () => {
    const client = clientOf(server);
    const redis = ioredis(client);
    await redis.send(["PING"]);
    const socket: Socket = Reflect.get(client, "stream");
    const single = vi.spyOn(socket, "_write");
    const several = vi.spyOn(socket, "_writev");
    const writes = () => single.mock.calls.length + several.mock.calls.length;
    const commands = Array.from({ length: 50 }, (_, i) => ["GET", `k${i}`] as const);
    await redis.pipeline(commands);
    expect(writes()).toBe(1);
    await redis.transaction?.(commands);
    expect(writes()).toBe(2);
    const long = "x".repeat(1_000);
    const lengths = await redis.pipeline(Array.from({ length: 40 }, () => ["APPEND", "piped", long] as const));
    expect(lengths).toEqual(Array.from(lengths, (_, i) => (i + 1) * 1_000));
    expect(writes()).toBe(2 + 40 / 4);
    await redis.send(["DEL", "piped"]);
  });

  it("sends nothing of a pipeline in which a command cannot be built", async () => {
    const redis = open(server);
    await expect(
      redis.pipeline([
        ["SET", "whole", 1, "PX", minute],
        ["SET", "x", 10n as never],
      ]),
    ).rejects.toMatchObject({
      code: "OPTION",
    });
    expect(await redis.send(["EXISTS", "whole"])).toBe(0);
  });

  it("gives exact integers where the client has stringNumbers, and the usual replies besides", async () => {
    const redis = open(server, { stringNumbers: true });
    await redis.send(["SET", "{n}big", "9007199254740992", "PX", minute]);
    await redis.send(["ZADD", "{n}z", 7, "digits", 1.5, "42"]);
    expect(await redis.send(["INCR", "{n}big"])).toBe("9007199254740993");
    expect(await redis.send(["GET", "{n}big"])).toBe("9007199254740993");
    expect(
      await redis.pipeline([
        ["DEL", "{n}none"],
        ["ZRANGE", "{n}z", 0, -1, "WITHSCORES"],
      ]),
    ).toEqual([0, ["42", "1.5", "digits", "7"]]);
    expect(
      await redis.transaction?.([
        ["ZSCORE", "{n}z", "digits"],
        ["DEL", "{n}z"],
      ]),
    ).toEqual(["7", 1]);
  });

  it("serves clients with automatic pipelining or a database", async () => {
    const redis = open(server, { enableAutoPipelining: true, db: 2 });
    expect(await Promise.all([redis.send(["SET", "a", 1, "PX", minute]), redis.send(["GET", "a"])])).toEqual([
      "OK",
      "1",
    ]);
    expect(await redis.pipeline([["GET", "a"]])).toEqual(["1"]);
    expect(await open(server, { db: 2 }).send(["GET", "a"])).toBe("1");
  });

  it("says what the server said to a wrong password", async () => {
    await open(server).send(["CONFIG", "SET", "requirepass", "right"]);
    await expect(open(server, { password: "wrong" }).send(["GET", "x"])).rejects.toMatchObject({ code: "WRONGPASS" });
    await expect(open(server).send(["GET", "x"])).rejects.toMatchObject({ name: "ReplyError", code: "NOAUTH" });
    await open(server, { password: "right" }).send(["CONFIG", "SET", "requirepass", ""]);
  });

  it("writes what is sent together by few system calls, in its order", async () => {
    const client = clientOf(server);
    const redis = ioredis(client);
    await redis.send(["PING"]);
    const socket: Socket = Reflect.get(client, "stream");
    const single = vi.spyOn(socket, "_write");
    const several = vi.spyOn(socket, "_writev");
    const counts = Array.from({ length: 100 }, () => redis.send(["INCR", "together"]));
    expect(await Promise.all(counts)).toEqual(Array.from(counts, (_, i) => i + 1));
    expect([single.mock.calls.length, several.mock.calls.length]).toEqual([0, 1]);
    // Redis begins with the first 4 kB while the rest is put together.
    const long = "x".repeat(1_000);
    const lengths = Array.from({ length: 40 }, () => redis.send(["APPEND", "together", long]));
    expect(await Promise.all(lengths)).toEqual(Array.from(lengths, (_, i) => 3 + (i + 1) * 1_000));
    expect([single.mock.calls.length, several.mock.calls.length]).toEqual([0, 1 + 40 / 4]);
    await redis.send(["DEL", "together"]);
  });

  it("runs a transaction on the server of its keys, and refuses keys of several slots", async () => {
    const redis = openCluster(1_000);
    const set = (key: string) => ["SET", key, 1, "PX", minute] as const;
    expect(await redis.transaction?.([set("{t}a"), set("{t}b"), ["GET", "{t}a"]])).toEqual(["OK", "OK", "1"]);
    await expect(redis.transaction?.([set("{t}c"), set("{u}c")])).rejects.toMatchObject({ code: "CROSSSLOT" });
    expect(await redis.send(["EXISTS", "{t}c"])).toBe(0);
    const [master] = (await redis.masters?.()) ?? [];
    expect(await master?.send(["EXISTS", "{t}a"])).toBe(1);
  });

  it("finds the masters of a Cluster that has not been used yet", async () => {
    const masters = await openCluster(1_000).masters?.();
    expect(masters).toHaveLength(1);
    expect(text((await masters?.[0]?.send(["INFO", "server"])) ?? null)).toContain(`process_id:${nodes.pid}`);
  });
});

/** Asks until the answer is neither an error of the connection nor false. */
async function until(redis: Redis, ask: (redis: Redis) => Promise<unknown>): Promise<void> {
  const end = performance.now() + 10_000;
  const failed = (error: unknown) => {
    if (!(error instanceof ConnectionError) || performance.now() > end) throw error;
  };
  while (!(await ask(redis).catch(failed))) await sleep(20);
}

/** The socket of a client. */
function streamOf(client: object): Socket {
  const stream: Socket = Reflect.get(client, "stream");
  return stream;
}
