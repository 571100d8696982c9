import { checkDuration } from "../../check.ts";
import { ConnectionError, RedisPatternsError } from "../../errors.ts";
import { LockBusyError, LockLostError } from "./errors.ts";
import { backoff } from "../../wait/backoff.ts";
import { sleep } from "../../wait/sleep.ts";
import type { Ask, Claim } from "./lockable.ts";
import { readHandOff } from "./hand-off.ts";
import { leastTtl, validity } from "./term.ts";
import type { Waiter, Wake } from "./wake.ts";
import { abandon, type Lease, reporter, startLease, type Surroundings } from "./lease.ts";

/** What an acquisition needs of its lock. */
export interface Context extends Surroundings {
  readonly wake?: Wake | undefined;
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Asks once: a lease, or how many milliseconds it may be busy. */
export async function attempt(claim: Claim, ask: Ask, context: Context): Promise<Lease | number> {
  const { signal } = context;
  signal?.throwIfAborted();
  const start = performance.now();
  const answer = await claim.acquire(ask, { signal, idempotent: true }).catch((error: unknown) => {
    if (mayHaveArrived(error)) forget(claim, ask, context);
    throw error;
  });
  const duration = performance.now() - start;
  const report = reporter(context, claim.name);
  if (ask.ttl < duration * 2) report("ttl-too-short", { duration });
  if ("busyFor" in answer) {
    report("busy", { duration });
    return answer.busyFor;
  }
  const deadline = start + validity(ask.ttl);
  if (deadline <= performance.now()) {
    await abandon(claim, ask.token);
    return 0;
  }
  report("acquired", { duration });
  return startLease(claim, { ...ask, fence: answer.fence, deadline }, context);
}

/**
 * Asks again and again until the lease is granted.
 * @throws {LockBusyError} `wait` milliseconds are over.
 */
export async function waitForLease(claim: Claim, ask: Ask, context: Context, wait: number): Promise<Lease> {
  const waiter = context.wake?.listen(claim.channel, ask.token);
  let outcome: "granted" | "gave up" = "gave up";
  try {
    const lease = await insist(claim, ask, context, wait, waiter);
    outcome = "granted";
    return lease;
  } finally {
    waiter?.leave(outcome);
    // A place in the line must not wait for somebody who has left.
    if (claim.queues && outcome === "gave up") forget(claim, ask, context);
  }
}

async function insist(
  claim: Claim,
  ask: Ask,
  context: Context,
  wait: number,
  waiter: Waiter | undefined,
): Promise<Lease> {
  const start = performance.now();
  let lease = await attempt(claim, ask, context);
  for (let attempts = 1; typeof lease === "number"; attempts += 1) {
    const waited = performance.now() - start;
    if (waited >= wait) throw new LockBusyError(claim.name, waited, attempts, lease);
    const pause = waiter ? lease + 1 : pollPause(lease, attempts);
    await (waiter?.wait ?? sleep)(Math.min(wait - waited, pause), context.signal);
    lease = await attempt(claim, ask, context);
  }
  return lease;
}

/**
 * Polls without news of a release: the first pause is a 128th of what the holder has left, since few hold to the end; each next one is
 * a quarter longer, up to half a second, all jittered. None is longer than the holder has left.
 */
function pollPause(busyFor: number, attempts: number): number {
  const first = Math.min(80, Math.max(8, busyFor / 128));
  return Math.min(busyFor + 1, backoff(attempts - 1, { first, factor: 1.25, most: 500 }));
}

/** Goes on with a lease by extending it, which only the holder of the token can. */
export async function resumeLease(
  claimOf: (name: string) => Claim,
  serialized: string,
  context: Context,
  wanted: number | undefined,
): Promise<Lease> {
  const { name, token, fence, ttl: before } = readHandOff(serialized);
  const ttl = checkDuration("ttl", wanted ?? before, leastTtl);
  const claim = claimOf(name);
  const deadline = performance.now() + validity(ttl);
  const extended = await claim.extend(token, ttl, { signal: context.signal, idempotent: true });
  if (!extended || deadline <= performance.now()) throw new LockLostError(name);
  return startLease(claim, { token, fence, ttl, deadline }, context);
}

function mayHaveArrived(error: unknown): boolean {
  return error instanceof ConnectionError ? error.sent !== false : !(error instanceof RedisPatternsError);
}

/** Frees what may have been granted to somebody who has left, without holding them up. */
function forget(claim: Claim, { token }: Ask, { waitUntil }: Context): void {
  const work = abandon(claim, token);
  waitUntil?.(work);
}
