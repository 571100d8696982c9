import { checkDuration } from "../../check.ts";
import { codeOf, failureOf, isReplyError } from "../../failure.ts";
import { backoff } from "../../wait/backoff.ts";
import { sleep } from "../../wait/sleep.ts";
import { LockBusyError, LockLostError } from "./errors.ts";
import { decodeHandOff } from "./hand-off.ts";
import { abandon, createReporter, keepAlive, type Lease, type LeaseContext, startLease } from "./lease.ts";
import type { AcquireRequest, Lockable } from "./lockable.ts";
import { leastTtl, validity } from "./term.ts";
import type { AcquireReply } from "./scripts/fence.lua.ts";
import type { Waiter, Wake } from "../../wait/wake.ts";

/** How long an acquisition waits. */
export interface Patience {
  /** In milliseconds. */
  readonly wait: number;
  /** Whether it also waits for a Redis that is away, or only for a holder and for what passes soon. */
  readonly throughOutages: boolean;
}

/** The options that apply to one acquisition: those of its lock, and those of its call. */
export interface AcquireContext extends LeaseContext {
  readonly wake?: Wake | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One acquisition: who asks for what, and what Redis may have granted it. */
interface Asker {
  readonly lockable: Lockable;
  readonly context: AcquireContext;
  request: AcquireRequest;
  /** True if Redis may have a grant or a place in a line for the token. */
  mayHold: boolean;
}

/** Asks once: a lease, or `null` if it is busy. */
export async function tryLease(
  lockable: Lockable,
  request: AcquireRequest,
  context: AcquireContext,
): Promise<Lease | null> {
  const asker = { lockable, request, context, mayHold: false };
  try {
    const lease = await ask(asker);
    if (typeof lease !== "number") return lease;
    // The grant came too late to be of use.
    if (asker.mayHold) await abandon(lockable, request.token);
    return null;
  } catch (error) {
    throw await giveBack(asker, error);
  }
}

/**
 * Asks again and again until the lease is granted.
 * @throws {LockBusyError} `wait` milliseconds are over.
 */
export async function waitForLease(
  lockable: Lockable,
  request: AcquireRequest,
  context: AcquireContext,
  patience: Patience,
): Promise<Lease> {
  const asker = { lockable, request, context, mayHold: false };
  const waiter = context.wake?.listen(lockable.channel, request.token);
  let outcome: "granted" | "gave up" = "gave up";
  try {
    const lease = await askUntilGranted(asker, patience, waiter);
    outcome = "granted";
    return lease;
  } catch (error) {
    throw await giveBack(asker, error);
  } finally {
    waiter?.leave(outcome);
  }
}

/**
 * Asks Redis once: a lease, or how many milliseconds it may be busy. A grant that comes after its deadline counts as busy for 0, and the
 * token keeps it: asked again at once, Redis grants it anew.
 */
async function ask(asker: Asker, timeout?: number): Promise<Lease | number> {
  const { lockable, request, context, mayHold } = asker;
  const { signal } = context;
  signal?.throwIfAborted();
  const start = performance.now();
  asker.mayHold = true;
  let reply: AcquireReply;
  try {
    reply = await lockable.acquire(request, { signal, idempotent: true, timeout });
  } catch (error) {
    if (wasNotRun(error)) asker.mayHold = mayHold;
    throw error;
  }
  const now = performance.now();
  const duration = now - start;
  const report = createReporter(context, lockable.name);
  if (request.ttl < duration * 2) report("ttl-too-short", { duration });
  if ("busyFor" in reply) {
    asker.mayHold = lockable.queues === true && request.whenBusy !== "leave";
    report("busy", { duration });
    return reply.busyFor;
  }
  const deadline = start + validity(request.ttl);
  if (deadline <= now) return 0;
  report("acquired", { duration });
  return startLease(lockable, { token: request.token, ttl: request.ttl, fence: reply.fence, deadline }, context);
}

async function askUntilGranted(asker: Asker, patience: Patience, waiter: Waiter | undefined): Promise<Lease> {
  const { wait } = patience;
  const end = performance.now() + wait;
  for (let attempts = 1; ; attempts += 1) {
    let answer;
    try {
      answer = await ask(asker);
    } catch (error) {
      answer = await askOn(asker, error, end, patience.throughOutages);
    }
    if (typeof answer === "object") return answer;
    const left = end - performance.now();
    if (left <= 0) throw new LockBusyError(asker.lockable.name, wait - left, attempts, answer);
    await pauseUntilNext(asker, answer, attempts, left, waiter);
    // What is in no line was refused once for all: a kind that takes several things has given up this token where it was granted.
    if (!asker.mayHold) asker.request = { ...asker.request, token: crypto.randomUUID() };
  }
}

/**
 * Asks again after a failure, while Redis is away or cannot answer. It is the same token: what a lost answer granted is granted anew.
 * @throws The last failure, when the time is over, or no patience helps.
 */
async function askOn(
  asker: Asker,
  failure: unknown,
  end: number,
  throughOutages: boolean,
  attempt = 0,
): Promise<Lease | number> {
  const { signal } = asker.context;
  const left = end - performance.now();
  const kind = failureOf(failure);
  const isHopeless = kind === "mistake" || (kind === "outage" && !throughOutages);
  if (signal?.aborted || isHopeless || left <= 0) throw failure;
  await sleep(Math.min(left, backoff(attempt, outagePauses)), signal);
  const rest = end - performance.now();
  if (rest < 1) throw failure;
  return ask(asker, rest).catch((error: unknown) => {
    // That the rest of the time was too short for an answer says less than what is known.
    const isCutShort = codeOf(error) === "TIMEOUT" && end - performance.now() < 1;
    return askOn(asker, isCutShort ? failure : error, end, throughOutages, attempt + 1);
  });
}

/** The pauses between two attempts while Redis is away. */
const outagePauses = { first: 25, factor: 2, most: 1_000 };

/** Nobody tells when a key without a TTL goes: who listens asks again after a second. */
const blindPause = 1_000;

async function pauseUntilNext(
  { context: { signal } }: Asker,
  busyFor: number,
  attempts: number,
  left: number,
  waiter: Waiter | undefined,
): Promise<void> {
  const pause = Math.min(left, pollPause(busyFor, attempts));
  if (!waiter) return sleep(pause, signal);
  return waiter.wait(pause, Math.min(left, busyFor === Infinity ? blindPause : busyFor + 1), signal);
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
 * Goes on with a lease that was handed off. It takes it over under a new token, made before it asks: so the text is good for one holder, and
 * a lost reply does no harm.
 * @throws {LockLostError} Redis does not know of it any more, or its answer came too late.
 */
export async function resumeLease(
  createLockable: (name: string) => Lockable,
  serialized: string,
  context: AcquireContext,
  newTtl: number | undefined,
): Promise<Lease> {
  const { name, token: held, ttl: before } = decodeHandOff(serialized);
  const ttl = checkDuration("ttl", newTtl === undefined ? before : newTtl, leastTtl);
  const request: AcquireRequest = { held, token: crypto.randomUUID(), ttl, whenBusy: "leave" };
  const asker = { lockable: createLockable(name), request, context, mayHold: false };
  try {
    const lease = await ask(asker);
    if (typeof lease === "number") throw new LockLostError(name);
    return lease;
  } catch (error) {
    throw await giveBack(asker, error);
  }
}

/** Frees, after a failure, what the asker may have been granted, and its place in a line. Returns the failure. */
async function giveBack(asker: Asker, failure: unknown): Promise<unknown> {
  if (!asker.mayHold) return failure;
  const freed = abandon(asker.lockable, asker.request.token);
  keepAlive(asker.context, asker.lockable.name, freed);
  // A Redis that refuses is there, whichever copy of this package tells so. Everybody else must not be held up.
  if (isReplyError(failure) && failureOf(failure) === "mistake") await freed;
  return failure;
}

/**
 * True if nothing was executed, as where Redis answered that it cannot for the moment, or let nobody in. An error of another kind, such as
 * an abort, says nothing about the command: it may be on its way.
 */
function wasNotRun(error: unknown): boolean {
  if (isReplyError(error)) return failureOf(error) === "passing" || /^(NOAUTH|WRONGPASS)$/.test(error.code);
  return Reflect.get(Object(error), "sent") === false || codeOf(error) === "OPTION";
}
