import { checkFunction, checkDuration, checkDurationOrZero, checkMethods } from "../../check.ts";
import { attempt, type Context, resumeLease, waitForLease } from "./acquire.ts";
import type { Ask, Claim } from "./lockable.ts";
import type { Lease } from "./lease.ts";
import type { AcquireOptions, HolderOptions, InspectOptions, TryOptions } from "./options.ts";
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
   * Runs `work` under a lease and releases it. What `work` throws comes first: a failing release never hides it.
   * @throws {LockBusyError} The wait ended first; `work` did not run.
   * @throws {LockLostError} `work` ended well, but after its lease was lost: somebody else may have worked at the same time.
   */
  run<T>(name: string, work: (lease: Lease) => T | Promise<T>, options?: AcquireOptions): Promise<T>;
  /** Tells whether somebody holds it, and for how long. The answer may be outdated when it arrives. */
  inspect(name: string, options?: InspectOptions): Promise<LockState>;
  /**
   * Goes on with a lease that another process has handed off by `serialize`; it lasts for its `ttl` from now.
   * @throws {LockLostError} It ran out on the way.
   * @throws {OptionError} The text is not from `serialize`.
   */
  resume(serialized: string, options?: TryOptions): Promise<Lease>;
}

/** What `inspect` found. */
export interface LockState {
  readonly held: boolean;
  /** How long it is held at most, in milliseconds, unless its holder extends it; 0 when it is free. */
  readonly remaining: number;
}

/** Grants leases on claims. */
export function createHolder(prefix: string, claimOf: (name: string) => Claim, options: HolderOptions): Locks {
  const { ttl, wait = ttl, wake } = options;
  checkDuration("ttl", ttl, leastTtl);
  checkDurationOrZero("wait", wait);
  checkMethods("wake", wake, "wakeBySubscriber(subscriber)", "listen");
  const ask = (call: TryOptions, whenBusy: Ask["whenBusy"]): Ask => ({
    token: crypto.randomUUID(),
    ttl: checkDuration("ttl", call.ttl ?? ttl, leastTtl),
    whenBusy,
  });
  const around = (call: TryOptions) => surroundings(prefix, options, call);
  around({});
  const acquire = async (name: string, call: AcquireOptions = {}) => {
    const patience = checkDurationOrZero("wait", call.wait ?? wait);
    const whenBusy = patience === 0 ? "leave" : wake ? "listen" : "poll";
    return waitForLease(claimOf(name), ask(call, whenBusy), around(call), patience);
  };
  return {
    acquire,
    async tryAcquire(name, options = {}) {
      const lease = await attempt(claimOf(name), ask(options, "leave"), around(options));
      return typeof lease === "number" ? null : lease;
    },
    run: async (name, work, options) => {
      checkFunction("work", work);
      return runHeld(await acquire(name, options), work);
    },
    async inspect(name, options) {
      const remaining = await claimOf(name).remaining(options);
      return { held: remaining > 0, remaining };
    },
    resume: async (serialized, options = {}) => resumeLease(claimOf, serialized, around(options), options.ttl),
  };
}

/** @throws {OptionError} The watchdog is none. */
function surroundings(
  prefix: string,
  options: HolderOptions,
  { watchdog = options.watchdog, signal }: TryOptions,
): Context {
  checkMethods("watchdog", watchdog ?? undefined, "watchdog()", "guard");
  return { ...options, prefix, watchdog, signal };
}

async function runHeld<T>(lease: Lease, work: (lease: Lease) => T | Promise<T>): Promise<T> {
  let result: T;
  try {
    result = await work(lease);
  } finally {
    await lease[Symbol.asyncDispose]();
  }
  if (lease.signal.aborted) lease.assertHeld();
  return result;
}
