import { checkDuration } from "../../check.ts";
import { emit, type OnEvent, type PatternEvent } from "../../event.ts";
import type { Claim } from "./lockable.ts";
import { type Grant, leastTtl, validity } from "./term.ts";
import { writeHandOff } from "./hand-off.ts";
import { unknownFence } from "./scripts/fence.lua.ts";
import { startTerm, type Term } from "./term.ts";

/** The right to hold something until a deadline. It is a lease and no more: only its fence protects a resource from a late holder. */
export interface Lease {
  /** What is held. */
  readonly name: string;
  /**
   * A decimal number that is larger than the fence of every earlier lease of this name, as long as the server's clock does not
   * step back. Hand it to the resource, and let that refuse a smaller one than it has seen.
   */
  readonly fence: string;
  /** Aborts with a `LockLostError` at the deadline, even while Redis does not answer. A `release` does not abort it. */
  readonly signal: AbortSignal;
  /** How long it is safe to act, in milliseconds; 0 once the lease is lost, released or handed off. */
  readonly remaining: number;
  /**
   * Call it before a side effect that cannot be undone.
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
   * @returns Whether the lease lived until now; false says that it was lost before.
   * @throws {ConnectionError} Redis was not reached; the lock frees itself at the end of its `ttl`.
   */
  release(options?: ReleaseOptions): Promise<boolean>;
  /**
   * Ends the lease here without freeing the lock, so that another process goes on with it.
   * @returns A text for `resume`. Whoever has it can extend and release: treat it as a secret.
   * @throws {LockLostError} The lease is lost.
   * @throws {OptionError} The lease was released or handed off.
   */
  serialize(): string;
  /** Releases the lease and never throws: what goes wrong is reported to `onEvent` as `release-failed`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Options of one release. */
export interface ReleaseOptions {
  /** Ends the wait for Redis. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of one extension. */
export interface ExtendOptions extends ReleaseOptions {
  /**
   * How long the lease lasts from now, in milliseconds.
   * @default the `ttl` that the lease was acquired with
   */
  readonly ttl?: number | undefined;
}

/** What keeps leases alive; `watchdog()` makes one. */
export interface Watchdog {
  /** Extends the lease again and again. Returns what ends that. */
  guard(lease: Lease, ttl: number, onError: (error: unknown) => void): () => void;
}

/** What a lease needs of the lock that granted it. */
export interface Surroundings {
  readonly prefix: string;
  readonly onEvent?: OnEvent | undefined;
  readonly watchdog?: Watchdog | null | undefined;
}

interface Hold {
  readonly claim: Claim;
  readonly grant: Grant;
  readonly term: Term;
}

type Report = (type: string, details?: Pick<PatternEvent, "duration" | "error">) => void;

/** Tells what happens to one name. */
export function reporter({ prefix, onEvent }: Surroundings, id: string): Report {
  return (type, details) => emit(onEvent, { pattern: "lock", type, prefix, id, ...details });
}

/** Starts the life of a granted lease. */
export function startLease(claim: Claim, grant: Grant, around: Surroundings): Lease {
  const report = reporter(around, claim.name);
  let unguard = nothing;
  const term = startTerm(claim.name, grant.deadline, (error) => {
    unguard();
    if (error) report("lost", { error });
  });
  const lease = new HeldLease({ claim, grant, term }, report);
  unguard = around.watchdog?.guard(lease, grant.ttl, (error) => report("extend-failed", { error })) ?? nothing;
  return lease;
}

// A class for the sake of its getter: one that is written into each object gives each a hidden class of its own, which took longer
// than everything else here together.
class HeldLease implements Lease {
  readonly name: string;
  readonly fence: string;
  readonly signal: AbortSignal;
  readonly assertHeld: () => void;
  readonly extend: (options?: ExtendOptions) => Promise<void>;
  readonly release: (options?: ReleaseOptions) => Promise<boolean>;
  readonly serialize: () => string;
  readonly #term: Term;
  readonly #report: Report;

  constructor(hold: Hold, report: Report) {
    const { claim, grant, term } = hold;
    this.name = claim.name;
    this.fence = grant.fence;
    this.signal = term.signal;
    this.assertHeld = term.check;
    this.extend = (options) => extendHold(hold, options);
    this.release = once((options) => releaseHold(hold, options));
    this.serialize = () => handOff(hold);
    this.#term = term;
    this.#report = report;
  }

  get remaining(): number {
    return this.#term.state() === "held" ? Math.max(0, this.#term.left()) : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release().catch((error: unknown) => this.#report("release-failed", { error }));
  }
}

function handOff({ claim, grant, term }: Hold): string {
  term.check();
  term.end("handed off");
  return writeHandOff(claim.name, grant);
}

async function extendHold(
  { claim, grant, term }: Hold,
  { ttl = grant.ttl, signal }: ExtendOptions = {},
): Promise<void> {
  checkDuration("ttl", ttl, leastTtl);
  term.check();
  const start = performance.now();
  const extended = await claim.extend(grant.token, ttl, { signal, idempotent: true });
  const deadline = start + validity(ttl);
  if (!extended || deadline <= performance.now()) term.lose();
  // Redis agreed, but too late: the signal has aborted already, and nobody should wait for a holder that has stopped.
  if (extended && term.state() === "lost") await abandon(claim, grant.token);
  term.check();
  term.prolong(deadline);
}

async function releaseHold({ claim, grant, term }: Hold, { signal }: ReleaseOptions = {}): Promise<boolean> {
  if (["lost", "handed off"].includes(term.state())) return false;
  // Before the command is sent, so that no extension follows it.
  term.end("released");
  const held = await claim.release(grant.token, grant.fence, { signal, idempotent: true });
  if (!held) term.lose();
  return held;
}

/** Calls until it succeeded once, then repeats its answer. */
function once<A, T>(call: (argument?: A) => Promise<T>): (argument?: A) => Promise<T> {
  let answer: Promise<T> | undefined;
  return (argument) => {
    answer ??= call(argument).catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  };
}

/** Frees what nobody will use. If that fails, it frees itself at the end of its `ttl`. */
export function abandon(claim: Claim, token: string): Promise<unknown> {
  return claim.release(token, unknownFence, { idempotent: true }).catch(nothing);
}

function nothing(): void {}
