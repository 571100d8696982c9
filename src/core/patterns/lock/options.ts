import type { OnEvent } from "../../event.ts";
import type { LockNaming } from "./keys.ts";
import type { Watchdog } from "./lease.ts";
import type { LockOrder, ReplicaWait } from "./lockable.ts";
import type { Wake } from "./wake.ts";

/** Options of one inspection. */
export interface InspectOptions {
  /** Ends the wait for Redis. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of one attempt. */
export interface TryOptions extends InspectOptions {
  /**
   * How long the lease lasts, in milliseconds.
   * @default the `ttl` of the lock
   */
  readonly ttl?: number | undefined;
  /**
   * What keeps the lease alive; `null` for nothing.
   * @default the `watchdog` of the lock
   */
  readonly watchdog?: Watchdog | null | undefined;
}

/** Options of one acquisition. */
export interface AcquireOptions extends TryOptions {
  /**
   * How long to wait for others, in milliseconds; 0 asks once.
   * @default the `wait` of the lock
   */
  readonly wait?: number | undefined;
}

/** Options of everything that grants leases. */
export interface HolderOptions {
  /** How long a lease lasts, in milliseconds: longer than the work usually takes, as short as a crashed holder may block the others. */
  readonly ttl: number;
  /**
   * How long `acquire` and `run` wait for others, in milliseconds.
   * @default the `ttl`: long enough for a crashed holder's lease to run out
   */
  readonly wait?: number | undefined;
  /**
   * What keeps leases alive while their holders work: `watchdog()`.
   * @default nothing: a lease ends after its `ttl` unless it is extended
   */
  readonly watchdog?: Watchdog | null | undefined;
  /**
   * How those who wait learn of a release: `wakeBySubscriber(subscriber)`.
   * @default they ask again, at growing, jittered intervals
   */
  readonly wake?: Wake | undefined;
  /** Told of `acquired`, `busy`, `lost`, `release-failed`, `extend-failed` and `ttl-too-short`: less than two round trips. */
  readonly onEvent?: OnEvent | undefined;
  /**
   * Given the work that goes on after a call has failed: freeing what may have been granted. A Worker passes
   * `(work) => ctx.waitUntil(work)`.
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** Options of a lock. */
export interface LockOptions extends HolderOptions {
  /**
   * The first part of every key.
   * @default "lock"
   */
  readonly prefix?: string | undefined;
  /**
   * Who comes next: `firstComeFirstServed()`.
   * @default whoever asks first after a release
   */
  readonly order?: LockOrder | undefined;
  /**
   * Names the keys: `redlockNaming()` for the time in which processes with redlock take part.
   * @default `prefix:{name}` and its parts
   */
  readonly naming?: LockNaming | undefined;
  /**
   * Waits until replicas have what was granted: `waitForReplicas()`, over TCP to one server.
   * @default the master's word is enough
   */
  readonly replicas?: ReplicaWait | undefined;
}
