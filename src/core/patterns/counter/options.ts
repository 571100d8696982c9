import type { Lifetime } from "../../time/lifetime.ts";
import type { ChangeOptions } from "../../request.ts";

/** Options of `createCounters`. */
export interface CounterOptions {
  /** The name of these counters. Their keys begin with `counter:` and the prefix. */
  readonly prefix: string;
  /** For how long a counter is kept after its last change, in milliseconds, or "permanent". */
  readonly ttl: Lifetime;
  /**
   * For how long a call with a `requestId` is remembered, in milliseconds: a minute or more. A repetition that comes later counts again.
   * @default hours(24)
   */
  readonly requestTtl?: number | undefined;
}

/** Options of a call that only reads. */
export interface ReadOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Counters, each with an id. All counts are whole numbers from -(2^53 - 1) to 2^53 - 1. */
export interface Counters {
  /**
   * Adds to a counter. One that does not exist is 0.
   * @param by What is added, a whole number. It may be negative. 0 only renews the `ttl`.
   * @default by: 1
   * @returns The new value.
   * @throws {OptionError} An argument can never work.
   * @throws {ReplyError} The value would leave the range of exact numbers (code `OVERFLOW`), or the key holds something else than a count
   * (`SHAPE`, `WRONGTYPE`). Nothing was changed.
   */
  increment(id: string, by?: number, options?: ChangeOptions): Promise<number>;
  /**
   * Reads a counter. It is 0 if it does not exist.
   * @throws {ReplyError} The key holds something else than a count (code `SHAPE`, `WRONGTYPE`).
   */
  get(id: string, options?: ReadOptions): Promise<number>;
  /**
   * Reads up to 1,000 counters in one trip, in the order of their ids. On one server they are of one moment; on a Cluster they are not.
   * A key that holds another Redis type is 0 here.
   * @throws {OptionError} There are more ids.
   */
  getMany(ids: readonly string[], options?: ReadOptions): Promise<number[]>;
  /**
   * Gives a counter a value, a whole number, whatever it was.
   * @throws {OptionError} An argument can never work.
   */
  set(id: string, value: number, options?: ChangeOptions): Promise<void>;
  /**
   * Deletes a counter, which is 0 then.
   * @returns Whether there was one.
   */
  delete(id: string, options?: ChangeOptions): Promise<boolean>;
}
