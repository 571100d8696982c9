import type { Redis, SendOptions } from "../../port/redis.ts";
import { integer } from "../../port/reply.ts";
import type { LockKeys } from "./keys.ts";
import { extendLock } from "./scripts/extend.lua.ts";
import type { ClaimAnswer } from "./scripts/fence.lua.ts";

/** What a token asks for. */
export interface Ask {
  /** Who asks: 122 random bits, the same in every attempt of one acquisition. */
  readonly token: string;
  /** How long to hold it, in milliseconds. */
  readonly ttl: number;
  /** What the asker does if it is refused: leaves, asks again after a while, or listens for a release. */
  readonly whenBusy: "leave" | "poll" | "listen";
}

/** One thing that tokens can hold: a lock, a place in a semaphore, a read lock. Each operation may be run twice. */
export interface Claim {
  /** What the user calls it. */
  readonly name: string;
  /** The channel that tells of a release. */
  readonly channel: string;
  /** Whether those who wait have a place in a line, which they must give up when they leave. */
  readonly queues?: boolean;
  /** Takes it, or says how long it may be busy. */
  acquire(ask: Ask, options?: SendOptions): Promise<ClaimAnswer>;
  /** Lets the token hold it for `ttl` more; false if the token does not hold it. */
  extend(token: string, ttl: number, options?: SendOptions): Promise<boolean>;
  /** Frees it; false if the token had lost it before. A fence of 0 stands for one that is not known. */
  release(token: string, fence: string, options?: SendOptions): Promise<boolean>;
  /** How long it is held for, in milliseconds; 0 when it is free. */
  remaining(options?: SendOptions): Promise<number>;
}

/** Makes the claim on one name. */
export type LockOrder = (redis: Redis, keys: LockKeys, name: string) => Claim;

/** Looks at a port once, then adds to a claim that what it grants is on the replicas. */
export type ReplicaWait = (redis: Redis) => (claim: Claim, keys: LockKeys) => Claim;

/** What is the same for every lock of one key, whoever comes next. */
export function holding(
  redis: Redis,
  keys: Pick<LockKeys, "lock" | "wanted">,
  name: string,
): Omit<Claim, "acquire" | "release"> {
  return {
    name,
    channel: keys.wanted,
    extend: (token, ttl, options) => extendLock(redis, { ...keys, token, ttl }, options),
    remaining: async (options) => Math.max(0, integer(await redis.send(["PTTL", keys.lock], options))),
  };
}
