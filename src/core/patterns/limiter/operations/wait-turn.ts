import { checkDuration, checkOptions } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { longestDelay } from "../../../time/timer.ts";
import { sleep } from "../../../wait/sleep.ts";
import { contextOf } from "../context.ts";
import { counterKey, decide, shortId } from "../decide.ts";
import type { Limiter } from "../limiter.ts";
import type { LimitOptions } from "../options.ts";
import { undoCall, type UnsureCall } from "../undo.ts";
import type { Verdict } from "../verdict.ts";

/** Options of `waitTurn`. */
export interface WaitOptions extends LimitOptions {
  /** The longest wait to accept, in milliseconds; at most 24 days. If the turn comes later, the call is refused at once. */
  readonly maxWait: number;
}

/**
 * Books the next free units in one trip, first come first served, and waits until they are due, without polling. An abort gives them
 * back if nobody has booked since; otherwise they are lost.
 * @returns The verdict when the turn has come, or at once if the call is refused.
 * @throws {OptionError} The algorithm is `concurrency`, whose units cannot be booked ahead, or an argument can never work.
 * @throws The signal's reason, if it aborted.
 */
export async function waitTurn(limiter: Limiter, id: string, options: WaitOptions): Promise<Verdict> {
  const context = contextOf(limiter);
  const {
    maxWait,
    cost = 1,
    signal,
    requestId,
    algorithm = context.algorithm,
  } = checkOptions(options, "{ maxWait: seconds(5) }");
  if (algorithm.held)
    throw new OptionError("`waitTurn` cannot know when a held unit comes back; retry `acquirePermit`");
  if (checkDuration("maxWait", maxWait) > longestDelay) throw new OptionError("`maxWait` must be at most 24 days");
  const key = counterKey(context, id, options);
  signal?.throwIfAborted();
  const callId = shortId();
  const booking: UnsureCall = { context, id, key, algorithm, cost, callId };
  const verdict = await decide(context, id, options, maxWait, callId).catch((error: unknown) => {
    if (signal?.aborted && requestId === undefined) void undoCall(booking);
    throw error;
  });
  if (!verdict.allowed || verdict.retryAfter === 0) return verdict;
  try {
    await sleep(verdict.retryAfter, signal);
  } catch (reason) {
    await undoCall(booking, 0);
    throw reason;
  }
  return { ...verdict, retryAfter: 0 };
}
