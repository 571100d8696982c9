import { checkDuration, checkOptions } from "../../../check.ts";
import { acquireLock } from "../scripts/acquire.lua.ts";
import { acquireInLine, releaseInLine } from "../scripts/fifo.lua.ts";
import { singleKey, type LockOrder } from "../lockable.ts";

/** Options of a line. */
export interface LineOptions {
  /**
   * The time for which a waiter that has died keeps its place, in milliseconds. Waiters ask again three times in that time.
   * @default 5000
   */
  readonly patience?: number | undefined;
}

/**
 * Grants the lock in the order of arrival. Nobody overtakes: `tryAcquire` fails while somebody waits. A waiter that dies is passed
 * over after `patience`; it delays those behind it once. All processes that share a name should use it with one `patience`: a process without
 * it overtakes, and a waiter with a longer one may lose its place.
 * @throws {OptionError} `patience` can never work.
 * @example
 * const locks = createLock(redis, { prefix: "job", ttl: seconds(10), order: firstComeFirstServed() });
 */
export function firstComeFirstServed(options: LineOptions = {}): LockOrder {
  const { patience = 5_000 } = checkOptions(options, "{ patience: 5000 }");
  checkDuration("patience", patience);
  return (redis, keys, name) => ({
    ...singleKey(redis, keys, name),
    queues: true,
    acquire: ({ held, ...request }, options) =>
      held === undefined
        ? acquireInLine(redis, { ...keys, ...request, patience }, options)
        : acquireLock(redis, { ...keys, ...request, held }, options),
    release: (token, fence, options) => releaseInLine(redis, { ...keys, token, fence }, options),
  });
}
