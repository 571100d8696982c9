import { createChannels, fireAndForget, resumable } from "../../src/core/patterns/pubsub/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import type { Message } from "./round.ts";

export type DeliveryName = "fire-and-forget" | "resumable";

export const channel = "lobby";

/** Our channels, which nobody else has. */
export function createRooms(redis: Redis, subscriber: Subscriber | undefined, delivery: DeliveryName) {
  return createChannels<Message>(redis, {
    prefix: `bench-${crypto.randomUUID()}`,
    subscriber,
    delivery: delivery === "resumable" ? resumable() : fireAndForget(),
  });
}
