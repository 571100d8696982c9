import type { OnEvent } from "../../event.ts";
import type { LockNaming } from "./keys.ts";
import type { Watchdog } from "./lease.ts";
import type { LockOrder, ReplicaWait } from "./lockable.ts";
import type { Wake } from "../../wait/wake.ts";

/** Options of one inspection. */
export interface InspectOptions {
  /** Ends the wait for Redis; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of one attempt. */
export interface TryOptions extends InspectOptions {
  /**
   * The duration of the lease, in milliseconds.
   * @default the `ttl` of the lock
   */
  readonly ttl?: number | undefined;
  /**
   * Keeps the lease alive; `null` for none.
   * @default the `watchdog` of the lock
   */
  readonly watchdog?: Watchdog | null | undefined;
}

/** Options of one acquisition. */
export interface AcquireOptions extends TryOptions {
  /**
   * The longest wait for other holders, and for a Redis that is away, in milliseconds; 0 asks once.
   * @default the `wait` of the lock
   */
  readonly wait?: number | undefined;
}

/** Options of everything that grants leases. */
export interface LeaseOptions {
  /**
   * The duration of a lease, in milliseconds: longer than the work usually takes, and as short as a crashed holder may block the others.
   */
  readonly ttl: number;
  /**
   * The longest wait of `acquire` and `run` for other holders, in milliseconds; 0 asks once. Where it is given, they also wait for a
   * Redis that is away.
   * @default the `ttl`: long enough for a crashed holder's lease to run out
   */
  readonly wait?: number | undefined;
  /**
   * Keeps leases alive while their holders work: `watchdog()`.
   * @default none: a lease ends after its `ttl` unless it is extended
   */
  readonly watchdog?: Watchdog | null | undefined;
  /**
   * Tells waiters of a release: `wakeBySubscriber(subscriber)`.
   * @default none: waiters ask again, at growing, jittered intervals
   */
  readonly wake?: Wake | undefined;
  /**
   * Called with each event: `acquired`, `busy`, `lost`, `release-failed`, `extend-failed`, `wait-until-failed` if `waitUntil` threw,
   * and `ttl-too-short` for a `ttl` below two round trips.
   */
  readonly onEvent?: OnEvent | undefined;
  /**
   * Called with work that goes on after a call has failed: freeing what may have been granted. A Worker passes
   * `(work) => ctx.waitUntil(work)`.
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** Options of a lock. */
export interface LockOptions extends LeaseOptions {
  /** Names this lock among others: the first part of every key, after the word `lock`. */
  readonly prefix: string;
  /**
   * Decides who comes next: `firstComeFirstServed()`.
   * @default the first to ask after a release
   */
  readonly order?: LockOrder | undefined;
  /**
   * Names the keys: `redlockNaming()` as long as processes with redlock take part.
   * @default `lock:prefix:{name}` and its parts
   */
  readonly naming?: LockNaming | undefined;
  /**
   * Waits until replicas have a grant: `waitForReplicas()`, over TCP to one server.
   * @default none: a grant counts as soon as the master has it
   */
  readonly replicas?: ReplicaWait | undefined;
}
