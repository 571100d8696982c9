import type { Redis, SendOptions } from "../../port/redis.ts";
import { integer } from "../../port/reply.ts";
import type { LockKeys } from "./keys.ts";
import { extendLock } from "./scripts/extend.lua.ts";
import type { AcquireReply } from "./scripts/fence.lua.ts";

/** A token's wish to hold something. */
export interface AcquireRequest {
  /** The asker: 122 random bits, the same in every attempt of one acquisition. */
  readonly token: string;
  /** The time to hold it for, in milliseconds. */
  readonly ttl: number;
  /** The asker's plan for a refusal: to leave, to ask again after a while, or to listen for a release. */
  readonly whenBusy: "leave" | "poll" | "listen";
  /** The token that holds it and hands it off to the asker; absent for a claim of what is free. */
  readonly held?: string;
}

/** One thing that tokens can hold: a lock, a place in a semaphore, a read lock. Each operation may run twice without harm. */
export interface Lockable {
  /** The user's name for it. */
  readonly name: string;
  /** The channel on which its releases are published. */
  readonly channel: string;
  /** True if waiters have a place in a line in Redis, which they must give up when they leave. */
  readonly queues?: boolean;
  /** Takes it for the token, from nobody or from `held`, or tells how long it may be busy. A token that a release gave up is refused. */
  acquire(request: AcquireRequest, options?: SendOptions): Promise<AcquireReply>;
  /** Lets the token hold it for `ttl` milliseconds from now; false if the token does not hold it. */
  extend(token: string, ttl: number, options?: SendOptions): Promise<boolean>;
  /**
   * Frees it; false if the token had lost it before. A token that does not hold it can claim it no more. The fence `"0"` stands for an
   * unknown one.
   */
  release(token: string, fence: string, options?: SendOptions): Promise<boolean>;
  /** Tells for how many milliseconds it is held at most; 0 when it is free, `Infinity` if its key has no TTL. */
  remaining(options?: SendOptions): Promise<number>;
}

/** Decides who comes next: makes the lockable of one name. */
export type LockOrder = (redis: Redis, keys: LockKeys, name: string) => Lockable;

/** Checks once that the port can wait for replicas, then makes each lockable wait for them. */
export type ReplicaWait = (redis: Redis) => (lockable: Lockable, keys: LockKeys) => Lockable;

/** The part that all locks of a single key have in common, whatever their order. */
export function singleKey(
  redis: Redis,
  keys: Pick<LockKeys, "lock" | "wanted">,
  name: string,
): Omit<Lockable, "acquire" | "release"> {
  return {
    name,
    channel: keys.wanted,
    extend: (token, ttl, options) => extendLock(redis, { ...keys, token, ttl }, options),
    remaining: (options) => remainingOf(redis, keys.lock, options),
  };
}

/** The milliseconds that a key has left: 0 if there is none, `Infinity` if it has no TTL, which is another program's. */
export async function remainingOf(redis: Redis, key: string, options?: SendOptions): Promise<number> {
  const left = integer(await redis.send(["PTTL", key], options));
  return left === -1 ? Infinity : Math.max(0, left);
}
