import type { Redis } from "../../core/port/redis.ts";

/** Uses one pattern once, under a prefix that nobody else has. It throws if that does not work. */
export type Trial = (redis: Redis, prefix: string) => Promise<unknown>;

export const ttl = 60_000;
export const id = "trial";

export function expectTrue(is: boolean, otherwise: string): void {
  if (!is) throw new Error(otherwise);
}
