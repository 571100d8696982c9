import { hours } from "redis-patterns";
import { createChannels, resumable } from "redis-patterns/pubsub";
import { createSubscriber, redis } from "./redis.ts";

/** What is said in a room. */
export interface Line {
  readonly user: string;
  readonly text: string;
}

/** The same rooms as the Worker's. */
export const rooms = createChannels<Line>(redis, {
  prefix: "shop:room",
  subscriber: createSubscriber(),
  delivery: resumable({ keep: { age: hours(1), length: 200 } }),
});
