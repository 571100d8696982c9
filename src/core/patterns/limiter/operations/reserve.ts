import { checkCount, checkOptions } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { randomText } from "../../../crypto.ts";
import { contextOf } from "../context.ts";
import { counterKey, decide, type Demand, runDecision } from "../decide.ts";
import type { Limiter } from "../limiter.ts";
import type { LimitOptions } from "../options.ts";
import { undoCall } from "../undo.ts";
import type { Verdict } from "../verdict.ts";

/** Units that were taken by an estimate, for a cost that is known only afterwards. */
export interface Reservation extends Verdict {
  /**
   * Puts the true cost in place of the estimate. It gives back what was not used. What was used above the estimate is taken even if
   * nothing is free, and later calls wait for it. Only the first `settle` or `cancel` counts.
   * @throws {OptionError} The cost is not a whole number of at least 0.
   * @throws {RedisPatternsError} Redis failed; call it again.
   */
  settle(cost: number): Promise<void>;
  /**
   * Gives everything back.
   * @throws {RedisPatternsError} Redis failed; call it again.
   */
  cancel(): Promise<void>;
}

/**
 * Reserves units for a call whose cost is known only afterwards: tokens of a language model, bytes of a download.
 * @example
 * const budget = createLimiter(redis, { prefix: "tokens", algorithm: gcra({ limit: 90_000, window: minutes(1) }) });
 * const reservation = await reserve(budget, userId, { cost: 4_000 });
 * if (reservation.allowed) await reservation.settle(1_234); // what the model really used
 * @throws {OptionError} The algorithm is `concurrency`, or an argument can never work.
 * @throws The signal's reason, if it aborted.
 */
export async function reserve(limiter: Limiter, id: string, options?: LimitOptions): Promise<Reservation> {
  const context = contextOf(limiter);
  const call = checkOptions(options, "{ cost: 4_000 }") ?? {};
  const { cost = 1, algorithm = context.algorithm, signal } = call;
  if (algorithm.held) throw new OptionError("`reserve` cannot settle held units; use `acquirePermit`");
  const key = counterKey(context, id, call);
  const callId = algorithm.requestId();
  signal?.throwIfAborted();
  const verdict = await decide(context, id, call, 0, callId).catch((error: unknown) => {
    // A call with a name may be made again, and counts once.
    if (signal?.aborted && call.requestId === undefined) void undoCall({ context, id, key, algorithm, cost, callId });
    throw error;
  });
  // Every attempt to settle has the same request id: after a lost reply it is sent again, and counts once.
  const requestId = randomText(12);
  let open = verdict.allowed && !verdict.degraded;
  const settle = async (actual: number) => {
    const change = checkCount("cost", actual, 0) - cost;
    if (!open) return;
    // What was used above the estimate is taken in any case, however far ahead.
    const demand: Demand = [change, Number.MAX_SAFE_INTEGER, 0];
    if (change !== 0) await runDecision(context, key, { algorithm, requestId }, demand);
    open = false;
  };
  return { ...verdict, settle, cancel: () => settle(0) };
}
