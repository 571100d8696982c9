import { Redis } from "ioredis";
import { describe, expect, it, onTestFinished } from "vitest";
import { ioredisSubscriber } from "../../src/adapters/ioredis/index.ts";
import { memory } from "../../src/adapters/memory/index.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";

const subscribers: Record<string, () => Promise<Subscriber>> = {
  memory: async () => {
    const redis = memory();
    onTestFinished(redis.close);
    return redis;
  },
  ioredis: async () => {
    const redis = memory();
    const { port } = await redis.listen();
    const client = new Redis({ port });
    onTestFinished(async () => {
      client.disconnect();
      await redis.close();
    });
    return ioredisSubscriber(client);
  },
};

describe.each(Object.entries(subscribers))("a subscriber by %s", (_, open) => {
  it("removes one of 50,000 listeners as fast as one of 2,000 (graphql-redis-subscriptions #295)", async () => {
    const subscriber = await open();
    const join = (count: number) =>
      Promise.all(Array.from({ length: count }, () => subscriber.subscribe("c", () => {})));
    /** The time that 2,000 removals take, in milliseconds, those who came first and those who came last. */
    const removeFrom = async (count: number): Promise<number> => {
      const stops = await join(count);
      const start = performance.now();
      await Promise.all([...stops.slice(0, 1_000), ...stops.slice(-1_000)].map((stop) => stop()));
      const took = performance.now() - start;
      await Promise.all(stops.map((stop) => stop()));
      return took;
    };
    const few: number[] = [];
    const many: number[] = [];
    for (let round = 0; round < 2; round += 1) {
      few.push(await removeFrom(2_001));
      many.push(await removeFrom(50_000));
    }
    // A list of all would take 25 times as long.
    expect(Math.min(...many)).toBeLessThan(Math.max(2, Math.min(...few)) * 8);
  }, 30_000);
});
