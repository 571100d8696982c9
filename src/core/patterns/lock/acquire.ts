import { checkDuration } from "../../check.ts";
import { ConnectionError, RedisPatternsError } from "../../errors.ts";
import { backoff } from "../../wait/backoff.ts";
import { sleep } from "../../wait/sleep.ts";
import { LockBusyError, LockLostError } from "./errors.ts";
import { decodeHandOff } from "./hand-off.ts";
import { abandon, createReporter, type Lease, type LeaseContext, startLease } from "./lease.ts";
import type { AcquireRequest, Lockable } from "./lockable.ts";
import { leastTtl, validity } from "./term.ts";
import type { Waiter, Wake } from "../../wait/wake.ts";

/** The options that apply to one acquisition: those of its lock, and those of its call. */
export interface AcquireContext extends LeaseContext {
  readonly wake?: Wake | undefined;
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Asks once: a lease, or how many milliseconds it may be busy. */
export async function attempt(
  lockable: Lockable,
  request: AcquireRequest,
  context: AcquireContext,
): Promise<Lease | number> {
  const { signal } = context;
  signal?.throwIfAborted();
  const start = performance.now();
  const reply = await lockable.acquire(request, { signal, idempotent: true }).catch((error: unknown) => {
    if (mayHaveArrived(error)) abandonInBackground(lockable, request, context);
    throw error;
  });
  const duration = performance.now() - start;
  const report = createReporter(context, lockable.name);
  if (request.ttl < duration * 2) report("ttl-too-short", { duration });
  if ("busyFor" in reply) {
    report("busy", { duration });
    return reply.busyFor;
  }
  const deadline = start + validity(request.ttl);
  if (deadline <= performance.now()) {
    // The grant came too late to be of use.
    await abandon(lockable, request.token);
    return 0;
  }
  report("acquired", { duration });
  return startLease(lockable, { ...request, fence: reply.fence, deadline }, context);
}

/**
 * Asks again and again until the lease is granted.
 * @throws {LockBusyError} `wait` milliseconds are over.
 */
export async function waitForLease(
  lockable: Lockable,
  request: AcquireRequest,
  context: AcquireContext,
  wait: number,
): Promise<Lease> {
  const waiter = context.wake?.listen(lockable.channel, request.token);
  let outcome: "granted" | "gave up" = "gave up";
  try {
    const lease = await retryUntilGranted(lockable, request, context, wait, waiter);
    outcome = "granted";
    return lease;
  } finally {
    waiter?.leave(outcome);
    // A place in the line must not wait for an asker that has left.
    if (lockable.queues && outcome === "gave up") abandonInBackground(lockable, request, context);
  }
}

async function retryUntilGranted(
  lockable: Lockable,
  request: AcquireRequest,
  context: AcquireContext,
  wait: number,
  waiter: Waiter | undefined,
): Promise<Lease> {
  const start = performance.now();
  let lease = await attempt(lockable, request, context);
  for (let attempts = 1; typeof lease === "number"; attempts += 1) {
    const waited = performance.now() - start;
    if (waited >= wait) throw new LockBusyError(lockable.name, waited, attempts, lease);
    const left = wait - waited;
    const pause = Math.min(left, pollPause(lease, attempts));
    await (waiter?.wait(pause, Math.min(left, lease + 1), context.signal) ?? sleep(pause, context.signal));
    lease = await attempt(lockable, request, context);
  }
  return lease;
}

/**
 * The pause of an asker that hears of no release. The first is a 128th of what the holder has left, since few hold to the end; each
 * next one is a quarter longer, up to half a second, all jittered. None is longer than the holder has left.
 */
function pollPause(busyFor: number, attempts: number): number {
  const first = Math.min(80, Math.max(8, busyFor / 128));
  return Math.min(busyFor + 1, backoff(attempts - 1, { first, factor: 1.25, most: 500 }));
}

/**
 * Goes on with a lease by extending it, which only the holder of its token can.
 * @throws {LockLostError} Redis does not know of it any more, or its answer came too late.
 */
export async function resumeLease(
  createLockable: (name: string) => Lockable,
  serialized: string,
  context: AcquireContext,
  newTtl: number | undefined,
): Promise<Lease> {
  const { name, token, fence, ttl: before } = decodeHandOff(serialized);
  const ttl = checkDuration("ttl", newTtl ?? before, leastTtl);
  const lockable = createLockable(name);
  const deadline = performance.now() + validity(ttl);
  const extended = await lockable.extend(token, ttl, { signal: context.signal, idempotent: true });
  if (!extended || deadline <= performance.now()) throw new LockLostError(name);
  return startLease(lockable, { token, fence, ttl, deadline }, context);
}

/** An error of this side, such as an abort, says nothing about the command: it may have been on its way. */
function mayHaveArrived(error: unknown): boolean {
  return error instanceof ConnectionError ? error.sent !== false : !(error instanceof RedisPatternsError);
}

/** Frees what may have been granted after its asker has left, without holding the asker up. */
function abandonInBackground(lockable: Lockable, { token }: AcquireRequest, { waitUntil }: AcquireContext): void {
  const work = abandon(lockable, token);
  waitUntil?.(work);
}
