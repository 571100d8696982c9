import { Redis as Client } from "ioredis";
import { afterAll, beforeAll } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import { createGateway, type GatewayOptions } from "../../src/gateway/index.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { bearer, token } from "./token.ts";

/** What a test asks of a gateway, and what it answered. */
export interface Ask {
  readonly method?: string;
  readonly body?: BodyInit | null;
  readonly headers?: Record<string, string>;
}

export interface Answered {
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

/** One redis-server for a test file, a port to it, and gateways in front. */
export interface Scene {
  readonly server: RedisServer;
  readonly redis: Redis;
  /** Over a second connection to the same server, which is made at its first use. */
  readonly subscriber: Subscriber;
  /** Asks a gateway in this process; with the token, unless other headers say otherwise. */
  ask(path: string, ask?: Ask): Promise<Answered>;
  /** `POST /` with one command. */
  command(...words: readonly unknown[]): Promise<Answered>;
  /** Listens on a free port of the loopback interface. */
  serve(options?: Partial<GatewayOptions>): Promise<string>;
}

/** How the command line tool makes its client. */
function connect(server: RedisServer): Client {
  const client = new Client({
    host: server.host,
    port: server.port,
    protocol: 2,
    stringNumbers: true,
    maxRetriesPerRequest: 0,
  });
  client.on("error", () => {});
  return client;
}

/** @param timeout How long the gateway waits for Redis, in milliseconds: long, where a busy machine should not count as an outage. */
export function openScene(options: Partial<GatewayOptions> = {}, timeout = 5_000): Scene {
  const closing: (() => unknown)[] = [];
  let server: RedisServer;
  let redis: Redis;
  let subscriber: Subscriber;
  let gateway: ReturnType<typeof createGateway>;
  beforeAll(async () => {
    server = await startRedis();
    closing.push(server.stop);
    const client = connect(server);
    closing.push(() => client.disconnect());
    redis = ioredis(client, { timeout });
    const listener = client.duplicate({ lazyConnect: true, connectionName: "listener" });
    listener.on("error", () => {});
    closing.push(() => listener.disconnect());
    subscriber = ioredisSubscriber(listener, { timeout });
    gateway = createGateway(redis, { tokens: [token], ...options });
  });
  afterAll(async () => {
    for (const close of closing.toReversed()) await close();
  });
  const ask: Scene["ask"] = async (path, { headers = bearer, ...init } = {}) => {
    const response = await gateway(new Request(`http://gateway${path}`, { ...init, headers }));
    return { status: response.status, text: await response.text(), headers: response.headers };
  };
  return {
    get server() {
      return server;
    },
    get redis() {
      return redis;
    },
    get subscriber() {
      return subscriber;
    },
    ask,
    command: (...words) => ask("/", { method: "POST", body: JSON.stringify(words) }),
    async serve(more = {}) {
      const listening = await serveGateway(redis, { tokens: [token], ...options, ...more });
      closing.push(() => listening.close(0));
      return listening.url;
    },
  };
}
