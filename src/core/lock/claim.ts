import type { SendOptions } from "../redis.ts";
import type { Answer } from "./acquire.lua.ts";

/** What a token asks for. */
export interface Ask {
  /** Who asks: 122 random bits, the same in every attempt of one acquisition. */
  readonly token: string;
  /** How long to hold it, in milliseconds. */
  readonly ttl: number;
  /** Whether the asker will wait if it is refused. */
  readonly waits: boolean;
}

/** One thing that tokens can hold: a lock, a place in a semaphore, a read lock. Each operation may be run twice. */
export interface Claim {
  /** What the user calls it. */
  readonly name: string;
  /** The channel that tells of a release. */
  readonly channel: string;
  /** Takes it, or says how long it may be busy. */
  acquire(ask: Ask, options?: SendOptions): Promise<Answer>;
  /** Lets the token hold it for `ttl` more; false if the token does not hold it. */
  extend(token: string, ttl: number, options?: SendOptions): Promise<boolean>;
  /** Frees it; false if the token had lost it before. A fence of 0 stands for one that is not known. */
  release(token: string, fence: string, options?: SendOptions): Promise<boolean>;
  /** How long it is held for, in milliseconds; 0 when it is free. */
  remaining(options?: SendOptions): Promise<number>;
}
