import { checkRedisUrl } from "../src/adapters/ioredis/index.ts";

/** The Redis of the demo. */
interface DemoRedis {
  readonly url: string;
  readonly description: string;
  close(): Promise<void>;
}

/** Opens the Redis that `REDIS_URL` names, else starts a redis-server if the machine has one, else the one that the package brings. */
export async function openRedis(): Promise<DemoRedis> {
  const { REDIS_URL, REDIS_SERVER } = process.env;
  if (REDIS_URL) return { url: checkRedisUrl(REDIS_URL), description: "the one of REDIS_URL", close: async () => {} };
  if (REDIS_SERVER) {
    const { startRedis } = await import("../test/support/redis-server.ts");
    const { port, stop } = await startRedis();
    return { url: `redis://127.0.0.1:${port}`, description: `${REDIS_SERVER} on port ${port}`, close: stop };
  }
  const { memory } = await import("redis-patterns/memory");
  const redis = memory();
  const { url } = await redis.listen();
  return { url, description: `in memory, at ${url}`, close: redis.close };
}
