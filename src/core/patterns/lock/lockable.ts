import type { SendOptions } from "../../port/redis.ts";
import type { ClaimAnswer } from "./scripts/acquire.lua.ts";

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
