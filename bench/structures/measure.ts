import type { Redis as Client } from "ioredis";
import type { Command, Redis } from "../../src/core/port/redis.ts";

/** What one call of an instance does; `i` goes up by 1 from call to call. */
export type Call = (i: number) => Promise<unknown>;

/** One call of a pattern, and what it is measured against. */
export interface Measure {
  readonly title: string;
  /** What has to be stored before anybody asks. */
  setup?(redis: Redis, client: Client): Promise<unknown>;
  ours(redis: Redis): Call;
  /** One bare command that does the heart of it, without TTLs, without what remembers a call: the limit of any pattern. */
  command(i: number): Command;
  /** Gives a call that was recorded other arguments, where one that comes again would do less. */
  vary?(command: Command): Command;
  /** The same with redis-rank. */
  rival?(client: Client): Promise<Call>;
}

/** So many ids, members and items take turns. */
export const cycle = 1_024;

/** Does something for each number, 64 at a time. */
export async function forEach(count: number, call: (i: number) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < count; from += 64) {
    await Promise.all(Array.from({ length: Math.min(64, count - from) }, (_, i) => call(from + i)));
  }
}

/** A call of what a factory makes once for each connection. */
export function on<T>(make: (redis: Redis) => T, call: (made: T, i: number) => Promise<unknown>): Measure["ours"] {
  return (redis) => {
    const made = make(redis);
    return (i) => call(made, i);
  };
}
