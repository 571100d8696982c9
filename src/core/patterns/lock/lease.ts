import { checkDuration, checkOptions } from "../../check.ts";
import { emit, type OnEvent, type PatternEvent } from "../../event.ts";
import { codeOf } from "../../failure.ts";
import { raceDeadline } from "../../time/deadline.ts";
import { longestDelay } from "../../time/timer.ts";
import { encodeHandOff } from "./hand-off.ts";
import type { Lockable } from "./lockable.ts";
import { unknownFence } from "./scripts/fence.lua.ts";
import { type Grant, leastTtl, Term, validity } from "./term.ts";

/** The right to hold something until a deadline. It is no more than that: only its fence protects a resource from a late holder. */
export interface Lease {
  /** The name of what is held. */
  readonly name: string;
  /**
   * A decimal number that is larger than the fence of every earlier lease of this name, as long as the server's clock does not
   * step back. Hand it to the resource, and let that refuse a smaller one than it has seen.
   */
  readonly fence: string;
  /** Aborts with a `LockLostError` at the deadline, even while Redis does not answer. A `release` does not abort it. */
  readonly signal: AbortSignal;
  /** The time for which it is safe to act, in milliseconds; 0 once the lease is lost, released or handed off. */
  readonly remaining: number;
  /**
   * Throws unless the lease is held. Call it before a side effect that cannot be undone.
   * @throws {LockLostError} The lease is lost.
   * @throws {OptionError} The lease was released or handed off.
   */
  assertHeld(): void;
  /**
   * Makes the lease last for `ttl` milliseconds from now; it never gets shorter. After a `ConnectionError` the lease still lives
   * until its deadline, and another attempt may succeed.
   * @throws {LockLostError} The lease is lost, and its signal aborted.
   * @throws {OptionError} The lease was released or handed off.
   * @throws {ConnectionError} Redis was not reached.
   */
  extend(options?: ExtendOptions): Promise<void>;
  /**
   * Frees the lock, if this lease still holds it. Another release after a `ConnectionError` tries again.
   * @returns True if the lease lived until now; false if it was lost before.
   * @throws {ConnectionError} Redis was not reached; the lock frees itself at the end of its `ttl`.
   */
  release(options?: ReleaseOptions): Promise<boolean>;
  /**
   * Ends the lease here without freeing the lock, so that one other process goes on with it.
   * @returns A text for one `resume`. It lets its reader extend and release: treat it as a secret.
   * @throws {LockLostError} The lease is lost.
   * @throws {OptionError} The lease was released or handed off.
   */
  serialize(): string;
  /** Releases the lease and never throws: an error is reported to `onEvent` as `release-failed`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Options of one release. */
export interface ReleaseOptions {
  /** Ends the wait for Redis; the call then rejects with the signal's reason. A release goes on all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of one extension. */
export interface ExtendOptions extends ReleaseOptions {
  /**
   * The duration of the lease from now on, in milliseconds.
   * @default the `ttl` that the lease was acquired with
   */
  readonly ttl?: number | undefined;
}

/** Keeps leases alive; `watchdog()` makes one. */
export interface Watchdog {
  /**
   * Extends the lease again and again. `onError` is told of each attempt that failed and did not end the lease.
   * @returns A function that ends the extensions.
   */
  watch(lease: Lease, ttl: number, onError: (error: unknown) => void): () => void;
}

/** The options that a lease takes from the lock that granted it. */
export interface LeaseContext {
  readonly prefix: string;
  readonly onEvent?: OnEvent | undefined;
  readonly watchdog?: Watchdog | null | undefined;
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

interface HeldState {
  readonly lockable: Lockable;
  readonly grant: Grant;
  readonly term: Term;
  readonly context: LeaseContext;
}

type Report = (type: string, details?: Pick<PatternEvent, "duration" | "error">) => void;

/** Reports the events of one name. */
export function createReporter({ prefix, onEvent }: LeaseContext, id: string): Report {
  if (!onEvent) return () => {};
  return (type, details) => emit(onEvent, { pattern: "lock", type, prefix, id, ...details });
}

/** Starts the life of a granted lease. */
export function startLease(lockable: Lockable, grant: Grant, context: LeaseContext): Lease {
  const { watchdog, onEvent } = context;
  const report = createReporter(context, lockable.name);
  // Nothing to end yet if the deadline is over already.
  let unwatch: (() => void) | undefined = undefined;
  const onEnd = (error?: Error) => {
    unwatch?.();
    if (error) report("lost", { error });
  };
  const term = new Term(lockable.name, grant.deadline, watchdog || onEvent ? onEnd : undefined);
  const lease = new HeldLease({ lockable, grant, term, context });
  unwatch = watchdog?.watch(lease, grant.ttl, (error) => report("extend-failed", { error }));
  return lease;
}

// A class for the sake of its getters: one that is written into each object gives each a hidden class of its own, which took longer
// than everything else here together.
class HeldLease implements Lease {
  readonly name: string;
  readonly fence: string;
  readonly assertHeld: () => void;
  readonly extend: (options?: ExtendOptions) => Promise<void>;
  readonly release: (options?: ReleaseOptions) => Promise<boolean>;
  readonly serialize: () => string;
  readonly #held: HeldState;

  constructor(held: HeldState) {
    this.name = held.lockable.name;
    this.fence = held.grant.fence;
    this.assertHeld = () => held.term.assertHeld();
    this.extend = (options) => extendHeld(held, options);
    this.release = memoizeSuccess((options) => releaseHeld(held, options));
    this.serialize = () => handOff(held);
    this.#held = held;
  }

  get signal(): AbortSignal {
    return this.#held.term.signal;
  }

  get remaining(): number {
    const { term } = this.#held;
    return term.state() === "held" ? Math.max(0, term.left()) : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { context, lockable } = this.#held;
    await this.release().catch((error: unknown) => createReporter(context, lockable.name)("release-failed", { error }));
  }
}

function handOff({ lockable, grant, term }: HeldState): string {
  term.assertHeld();
  term.end("handed off");
  return encodeHandOff(lockable.name, grant);
}

async function extendHeld({ lockable, grant, term }: HeldState, options: ExtendOptions = {}): Promise<void> {
  const { ttl = grant.ttl, signal } = checkOptions(options, "{ ttl: 10000 }");
  checkDuration("ttl", ttl, leastTtl);
  term.assertHeld();
  const start = performance.now();
  const extended = await lockable.extend(grant.token, ttl, { signal, idempotent: true }).catch((error: unknown) => {
    // The reason of an abort says nothing of Redis.
    if (codeOf(error)) term.failure.cause = error;
    throw error;
  });
  delete term.failure.cause;
  const deadline = start + validity(ttl);
  if (!extended || deadline <= performance.now()) term.end("lost");
  // Redis agreed, but too late: the signal has aborted already, and nobody should wait for a holder that has stopped.
  if (extended && term.state() === "lost") await abandon(lockable, grant.token);
  term.assertHeld();
  term.prolong(deadline);
}

async function releaseHeld(held: HeldState, options: ReleaseOptions = {}): Promise<boolean> {
  const { signal } = checkOptions(options);
  const { lockable, grant, term, context } = held;
  if (["lost", "handed off"].includes(term.state())) return false;
  // Before the command is sent, so that no extension follows it.
  term.end("released");
  const releasing = lockable.release(grant.token, grant.fence, { idempotent: true }).then((released) => {
    if (!released) term.end("lost");
    return released;
  });
  if (!signal) return await releasing;
  // A caller that leaves must not keep the lock taken: the release goes on.
  keepAlive(
    context,
    lockable.name,
    releasing.catch(() => {}),
  );
  return raceDeadline(longestDelay, signal, () => releasing);
}

/** Calls until one call has succeeded, then repeats its result. */
function memoizeSuccess<A, T>(call: (argument?: A) => Promise<T>): (argument?: A) => Promise<T> {
  let result: Promise<T> | undefined;
  return (argument) => {
    result ??= call(argument).catch((error: unknown) => {
      result = undefined;
      throw error;
    });
    return result;
  };
}

/** Lets the runtime wait for work that goes on after a call. A hook that throws must not hide how the call ended. */
export function keepAlive(context: LeaseContext, name: string, work: Promise<unknown>): void {
  try {
    context.waitUntil?.(work);
  } catch (error) {
    createReporter(context, name)("wait-until-failed", { error });
  }
}

/** Frees a grant that nobody will use. It never rejects: if it fails, the grant ends with its `ttl`. */
export function abandon(lockable: Lockable, token: string): Promise<unknown> {
  return lockable.release(token, unknownFence, { idempotent: true }).catch(() => {});
}
