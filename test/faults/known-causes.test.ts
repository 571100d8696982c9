// What an error says of a Redis that cannot be used, where the client knows the reason: the reason, and not only that time has passed.
import { Cluster, Redis } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { lambda, managedCluster, server as serverPreset } from "../../src/adapters/ioredis/presets.ts";
import { createLimiter, fixedWindow } from "../../src/core/patterns/limiter/index.ts";
import type { PingReason } from "../../src/core/port/diagnosis.ts";
import { ping } from "../../src/core/port/ping.ts";
import { type RedisCluster, startCluster } from "../support/cluster.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";

const versions = [
  {
    version: 5,
    redis: (options: object) => new Redis5(options),
    cluster: (at: object, options: object) => new Cluster5([at], options),
  },
  {
    version: 6,
    redis: (options: object) => new Redis(options),
    cluster: (at: object, options: object) => new Cluster([at], options),
  },
] as const;

let nodes: RedisCluster;
let master: RedisServer;
let replica: RedisServer;
const open: { disconnect(): void }[] = [];

beforeAll(async () => {
  nodes = await startCluster();
  for (const { host, port } of nodes.servers) {
    const client = new Redis({ host, port });
    await client.config("SET", "requirepass", "right");
    client.disconnect();
  }
  master = await startRedis();
  replica = await startRedis("--replicaof", master.host, String(master.port));
}, 40_000);
afterAll(async () => {
  for (const client of open) client.disconnect();
  await nodes.stop();
  await replica.stop();
  await master.stop();
}, 40_000);

describe.each(versions)("over ioredis $version", ({ redis: create, cluster: createCluster }) => {
  const port = (client: { disconnect(): void; on(event: string, listener: () => void): unknown }) => {
    client.on("error", () => {});
    open.push(client);
    return ioredis(client as never, { timeout: 700 });
  };
  const here = () => ({ host: replica.host, port: replica.port });
  const nobody = async () => ({ host: "127.0.0.1", port: await freePort() });
  const unknown = { host: "nosuch.invalid", port: 6379 };

  it.concurrent.each<[string, () => Promise<ReturnType<typeof port>>, RegExp, PingReason]>([
    ["a host that nobody knows", async () => port(create(unknown)), /TIMEOUT .*: getaddrinfo ENOTFOUND/, "unreachable"],
    [
      "a port that nobody listens on",
      async () => port(create({ ...(await nobody()), ...serverPreset })),
      /reached: connect ECONNREFUSED/,
      "unreachable",
    ],
    [
      "Sentinels that are all down",
      async () => port(create({ sentinels: [await nobody(), await nobody()], name: "main" })),
      /TIMEOUT .*: failed to connect to sentinel 127/,
      "unreachable",
    ],
    [
      "a Cluster that is down",
      async () => port(createCluster(await nobody(), {})),
      /TIMEOUT .*: connect ECONNREFUSED/,
      "unreachable",
    ],
    [
      "a Cluster at a host that nobody knows",
      async () => port(createCluster(unknown, {})),
      /TIMEOUT .*: getaddrinfo ENOTFOUND/,
      "unreachable",
    ],
    [
      "a managed Cluster at a host that nobody knows",
      async () => port(createCluster(unknown, managedCluster)),
      /TIMEOUT .*: getaddrinfo ENOTFOUND/,
      "unreachable",
    ],
    [
      "a replica, with the preset for servers",
      async () => port(create({ ...here(), ...serverPreset })),
      /TIMEOUT .*: READONLY/,
      "replica",
    ],
    [
      "a replica, with the preset for Lambda",
      async () => port(create({ ...here(), ...lambda })),
      /TIMEOUT .*: READONLY/,
      "replica",
    ],
  ])("%s is in the message", async (_, connect, message, reason) => {
    const redis = await connect();
    const error: unknown = await redis.send(["SET", "a", "b"], { idempotent: true }).catch((error: unknown) => error);
    expect(`${Reflect.get(Object(error), "code")} ${String(error)}`).toMatch(message);
    expect(await ping(redis)).toMatchObject({ ok: false, reason });
  });

  it.concurrent.each([
    ["a wrong password", { password: "s3cret" }, /^WRONGPASS/],
    ["no password", {}, /^NOAUTH/],
    ["a user that nobody knows", { username: "nobody", password: "s3cret" }, /^WRONGPASS/],
  ])("a Cluster that lets nobody in is a mistake and no outage: %s", async (_, redisOptions, message) => {
    const [at = {}] = nodes.nodes;
    const redis = port(createCluster(at, { redisOptions }));
    await expect(redis.send(["GET", "a"])).rejects.toMatchObject({
      name: "ReplyError",
      message: expect.stringMatching(message),
    });
    const limiter = createLimiter(redis, {
      prefix: "shop",
      algorithm: fixedWindow({ limit: 1, window: 60_000 }),
      timeout: 700,
    });
    await expect(limiter.limit("7")).rejects.toThrow(message);
    const found = await ping(redis);
    expect(found).toMatchObject({ ok: false, reason: "credentials" });
    expect(JSON.stringify(found)).not.toContain("s3cret");
  });

  it("a replica's READONLY is not said of what is late for another reason", async () => {
    const client = create({ ...here(), ...serverPreset });
    const redis = port(client);
    await expect(redis.send(["SET", "a", "b"])).rejects.toThrow(/READONLY/);
    replica.pause();
    const late = redis.send(["GET", "a"]);
    await expect(late).rejects.toThrow(/within 700 ms$|was lost|closed/);
    replica.resume();
  });
});
