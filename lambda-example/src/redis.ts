import { Cluster, Redis as Client } from "ioredis";
import type { Redis, Subscriber } from "redis-patterns";
import { checkRedisUrl, ioredis, ioredisSubscriber, lambda, managedCluster } from "redis-patterns/ioredis";
import { restFromEnv, restSubscriber } from "redis-patterns/rest";

const { REDIS_URL, REDIS_CLUSTER, UPSTASH_REDIS_REST_URL = "", UPSTASH_REDIS_REST_TOKEN = "" } = process.env;

/** At module scope, so that warm invocations share the connection. Nothing is connected before the first command. */
export const redis: Redis = REDIS_URL ? ioredis(connectTo(REDIS_URL)) : restFromEnv(process.env);

/** A connection that stays open for messages, once there is something to hear. */
export function createSubscriber(): Subscriber {
  if (REDIS_URL) return ioredisSubscriber(connectTo(REDIS_URL));
  return restSubscriber({ url: UPSTASH_REDIS_REST_URL, token: UPSTASH_REDIS_REST_TOKEN });
}

function connectTo(address: string): Client | Cluster {
  const url = checkRedisUrl(address);
  const client = REDIS_CLUSTER === "true" ? clusterAt(new URL(url)) : new Client(url, lambda);
  // A connection that died while the function was frozen is no event; what matters reaches the command that needs it.
  client.on("error", (error) => console.error(`Redis: ${error.message}`));
  return client;
}

/** One address is enough, such as ElastiCache's configuration endpoint: the Cluster tells the others. */
function clusterAt({ protocol, hostname, port, username, password }: URL): Cluster {
  const { tls, ...plain } = managedCluster.redisOptions;
  const login = password ? { username: decodeURIComponent(username), password: decodeURIComponent(password) } : {};
  return new Cluster([{ host: hostname, port: Number(port || 6379) }], {
    ...managedCluster,
    redisOptions: { ...plain, ...login, ...(protocol === "rediss:" ? { tls } : {}) },
  });
}
