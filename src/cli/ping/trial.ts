import type { Redis } from "../../core/port/redis.ts";
import type { Subscriber } from "../../core/port/subscriber.ts";

/** What there is besides the port. */
export interface TrialContext {
  /** Whether the user may publish and is to. */
  readonly channels: boolean;
  readonly subscriber: Subscriber;
}

/** Uses one pattern once, under a prefix that nobody else has. It throws if that does not work. */
export type Trial = (redis: Redis, prefix: string, context: TrialContext) => Promise<unknown>;

/** A trial could not take place, which is no mistake. The message says why. */
export class Untried extends Error {}

export const ttl = 60_000;
export const id = "trial";

export function expectTrue(is: boolean, otherwise: string): void {
  if (!is) throw new Error(otherwise);
}
