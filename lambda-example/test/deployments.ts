import { once } from "node:events";
import { Cluster, Redis as Client } from "ioredis";
import type { Redis } from "redis-patterns";
import { ioredis, ioredisSubscriber } from "redis-patterns/ioredis";
import { startCluster } from "../../test/support/cluster.ts";
import { startRedis } from "../../test/support/redis-server.ts";
import { serveGateway } from "../../workers-example/test/serve-gateway.ts";

/** A Redis, and the variables by which the function finds it. */
export interface Deployment {
  readonly env: Record<string, string>;
  /** A port of the test's own to look at what is stored. */
  readonly redis: Redis;
  /** One for each server. */
  readonly servers: readonly Redis[];
  stop(): Promise<void>;
}

export const deployments = [
  { name: "ioredis", transport: "TCP", open: single },
  { name: "ioredis, Cluster", transport: "TCP", open: cluster },
  { name: "rest", transport: "HTTP", open: rest },
] as const;

/** For tests about connections, which a client of HTTP does not hold. */
export const onTcp = (transport: "TCP" | "HTTP") => (transport === "TCP" ? [transport] : []);

async function single(): Promise<Deployment> {
  const server = await startRedis();
  const client = new Client({ host: server.host, port: server.port });
  return {
    env: { REDIS_URL: `redis://${server.host}:${server.port}` },
    redis: ioredis(client),
    servers: [ioredis(client)],
    async stop() {
      client.disconnect();
      await server.stop();
    },
  };
}

async function cluster(): Promise<Deployment> {
  const { nodes, stop } = await startCluster();
  const client = new Cluster([...nodes]);
  const [first] = nodes;
  const clients = nodes.map((node) => new Client(node));
  await once(client, "ready");
  await Promise.all([...client.nodes("all"), ...clients].map((each) => each.ping()));
  return {
    env: { REDIS_URL: `redis://${first?.host}:${first?.port}`, REDIS_CLUSTER: "true" },
    redis: ioredis(client),
    servers: clients.map((client) => ioredis(client)),
    async stop() {
      for (const each of [client, ...clients]) each.disconnect();
      await stop();
    },
  };
}

async function rest(): Promise<Deployment> {
  const token = "a-token-for-tests-only-0123456789";
  const { env, redis, servers, stop } = await single();
  const listening = new Client(env["REDIS_URL"] ?? "", { lazyConnect: true });
  const gateway = await serveGateway(redis, token, ioredisSubscriber(listening));
  return {
    env: { UPSTASH_REDIS_REST_URL: gateway.url, UPSTASH_REDIS_REST_TOKEN: token },
    redis,
    servers,
    async stop() {
      gateway.close();
      listening.disconnect();
      await stop();
    },
  };
}
