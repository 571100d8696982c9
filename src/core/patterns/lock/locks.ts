import { checkDuration, checkDurationOrZero, checkFunction, checkMethods, checkOptions } from "../../check.ts";
import { type AcquireContext, type Patience, resumeLease, tryLease, waitForLease } from "./acquire.ts";
import type { Lease } from "./lease.ts";
import type { AcquireRequest, Lockable } from "./lockable.ts";
import type { AcquireOptions, InspectOptions, LeaseOptions, TryOptions } from "./options.ts";
import { leastTtl } from "./term.ts";

/** Grants leases by name. */
export interface Locks {
  /**
   * Asks once.
   * @returns The lease, or `null` if somebody else holds it.
   * @throws {ConnectionError} Redis was not reached: that is not the same as busy.
   */
  tryAcquire(name: string, options?: TryOptions): Promise<Lease | null>;
  /**
   * Asks until the lease is granted.
   * @throws {LockBusyError} The wait ended first.
   * @throws {ConnectionError} Redis was not reached.
   */
  acquire(name: string, options?: AcquireOptions): Promise<Lease>;
  /**
   * Runs `work` under a lease and releases it. An error of `work` comes first: a failing release never hides it.
   * @throws {LockBusyError} The wait ended first; `work` did not run.
   * @throws {LockLostError} `work` ended well, but after its lease was lost: another holder may have worked at the same time.
   */
  run<T>(name: string, work: (lease: Lease) => T | Promise<T>, options?: AcquireOptions): Promise<T>;
  /**
   * Tells if somebody holds it, and for how long. The answer may be outdated when it arrives.
   * @throws {ConnectionError} Redis was not reached.
   */
  inspect(name: string, options?: InspectOptions): Promise<LockState>;
  /**
   * Goes on with a lease that another process has handed off by `serialize`; it lasts for its `ttl` from now, and has a fence of its own.
   * A text is good for one `resume`.
   * @throws {LockLostError} It ran out on the way, or was resumed before.
   * @throws {OptionError} The text is not from `serialize`.
   * @throws {ConnectionError} Redis was not reached.
   */
  resume(serialized: string, options?: TryOptions): Promise<Lease>;
}

/** The answer of `inspect`. */
export interface LockState {
  /** True while somebody holds it. */
  readonly held: boolean;
  /**
   * The longest time for which it is still held, in milliseconds, unless its holder extends it; 0 when it is free. `Infinity` if its key has
   * no TTL, as another program may have left it: it is held until somebody deletes the key.
   */
  readonly remaining: number;
}

/** Grants leases on whatever `createLockable` makes of a name. */
export function createLocks(prefix: string, createLockable: (name: string) => Lockable, options: LeaseOptions): Locks {
  const { ttl, wake } = options;
  checkDuration("ttl", ttl, leastTtl);
  checkMethods("wake", wake, "wakeBySubscriber(subscriber)", "listen");
  checkHooks(prefix, options);
  const createRequest = ({ ttl: own = ttl }: TryOptions, whenBusy: AcquireRequest["whenBusy"]): AcquireRequest => ({
    token: crypto.randomUUID(),
    ttl: checkDuration("ttl", own, leastTtl),
    whenBusy,
  });
  const contextOf = (call: TryOptions) => acquireContext(prefix, options, call);
  const acquire = async (name: string, call: AcquireOptions = {}) => {
    const patience = patienceOf(options, checkOptions(call, "{ wait: 5000 }"));
    const whenBusy = patience.wait === 0 ? "leave" : wake ? "listen" : "poll";
    return await waitForLease(createLockable(name), createRequest(call, whenBusy), contextOf(call), patience);
  };
  return {
    acquire,
    async tryAcquire(name, call = {}) {
      checkOptions(call, "{ ttl: 10000 }");
      return await tryLease(createLockable(name), createRequest(call, "leave"), contextOf(call));
    },
    run: async (name, work, call) => {
      checkFunction("work", work);
      return runWithLease(await acquire(name, call), work);
    },
    async inspect(name, call = {}) {
      const { signal } = checkOptions(call);
      const remaining = await createLockable(name).remaining({ signal });
      return { held: remaining > 0, remaining };
    },
    resume: async (serialized, call = {}) => {
      const { ttl: own } = checkOptions(call, "{ ttl: 10000 }");
      return resumeLease(createLockable, serialized, contextOf(call), own);
    },
  };
}

function checkHooks(prefix: string, options: LeaseOptions): void {
  const { onEvent, waitUntil } = options;
  if (onEvent !== undefined) checkFunction("onEvent", onEvent);
  if (waitUntil !== undefined) checkFunction("waitUntil", waitUntil);
  acquireContext(prefix, options, {});
  patienceOf(options);
}

/** Who names no `wait` waits for other holders as long as a lease lasts, and not for a Redis that is away. */
function patienceOf({ ttl, wait: usual }: LeaseOptions, { wait = usual }: AcquireOptions = {}): Patience {
  return { wait: checkDurationOrZero("wait", wait === undefined ? ttl : wait), throughOutages: wait !== undefined };
}

/** @throws {OptionError} The watchdog is none. */
function acquireContext(
  prefix: string,
  options: LeaseOptions,
  { watchdog = options.watchdog, signal }: TryOptions,
): AcquireContext {
  checkMethods("watchdog", watchdog ?? undefined, "watchdog()", "watch");
  return { ...options, prefix, watchdog, signal };
}

async function runWithLease<T>(lease: Lease, work: (lease: Lease) => T | Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work(lease);
  } finally {
    await lease[Symbol.asyncDispose]();
  }
  if (lease.signal.aborted) lease.assertHeld();
  return result;
}
