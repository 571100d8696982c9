import { checkFunction, checkOptions, checkText } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { codeOf } from "../../../failure.ts";
import { inBackground, persist } from "../../../wait/persist.ts";
import type { LimitAlgorithm } from "../algorithm.ts";
import { contextOf, type LimiterContext } from "../context.ts";
import { counterKey, decide, report, runDecision } from "../decide.ts";
import type { Limiter } from "../limiter.ts";
import type { LimitOptions } from "../options.ts";
import { givesUp, namedHolder } from "../scripts/concurrency.lua.ts";
import type { Verdict } from "../verdict.ts";

/** Options of `acquirePermit`. */
export interface PermitOptions extends LimitOptions {
  /**
   * A name for the call. A call with the same name gets the same permit while the permit is held. Once it is given back, the name is
   * refused for a minute.
   * @default a random one
   */
  readonly requestId?: string | undefined;
  /**
   * Called with work that goes on after the call was aborted or failed: giving back what it may have taken. A Worker passes
   * `(work) => ctx.waitUntil(work)`.
   * @default none; where the call returns a permit, its `pending` is that work
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** The permit of one call under way, if it was allowed. */
export interface Permit extends Verdict, AsyncDisposable {
  /**
   * Gives the permit back; false if it was refused, given back by an earlier call of this function, or lost because its lease had ended.
   * @throws {RedisPatternsError} Redis failed. Call it again; otherwise the permit is free when its lease ends.
   */
  release(): Promise<boolean>;
  /**
   * Starts the lease anew; false if the permit was given back, or lost and none is free.
   * @throws {RedisPatternsError} Redis failed.
   */
  extend(): Promise<boolean>;
}

/** What a holder asked for. */
interface Holding {
  readonly context: LimiterContext;
  readonly id: string;
  readonly key: string;
  readonly algorithm: LimitAlgorithm;
  readonly cost: number;
  readonly holder: string;
}

/**
 * Acquires a permit of a `concurrency` limit. `await using` gives it back at the end of its block. An aborted call gives back what it
 * may have taken, in the background.
 * @example
 * const exports = createLimiter(redis, { prefix: "export", algorithm: concurrency({ limit: 5, lease: minutes(2) }) });
 * await using permit = await acquirePermit(exports, userId);
 * if (!permit.allowed) throw new Error(`Busy; come back in ${permit.retryAfter} ms`);
 * @throws {OptionError} The limiter's algorithm is not `concurrency`, or an argument can never work.
 * @throws The signal's reason, if it aborted.
 */
export async function acquirePermit(limiter: Limiter, id: string, options?: PermitOptions): Promise<Permit> {
  const context = contextOf(limiter);
  const { requestId, waitUntil, ...call } = checkOptions(options, "{ cost: 2 }") ?? {};
  const { cost = 1, algorithm = context.algorithm, signal } = call;
  if (!algorithm.held) throw new OptionError("`acquirePermit` needs a limiter whose `algorithm` is concurrency(...)");
  if (waitUntil !== undefined) checkFunction("waitUntil", waitUntil);
  const key = counterKey(context, id, call);
  const holder = requestId === undefined ? algorithm.requestId() : namedHolder + checkText("requestId", requestId);
  const holding: Holding = { context, id, key, algorithm, cost, holder };
  signal?.throwIfAborted();
  try {
    const verdict = await decide(context, id, call, 0, holder);
    signal?.throwIfAborted();
    // Redis may have granted what the outage policy refuses.
    const pending = verdict.degraded && !verdict.allowed ? giveUp(holding) : verdict.pending;
    if (pending !== verdict.pending) inBackground(waitUntil, pending, (error) => reportFailure(holding, error));
    return createPermit({ ...verdict, pending }, holding);
  } catch (error) {
    if (codeOf(error) !== "OPTION") {
      inBackground(waitUntil, giveUp(holding), (failure) => reportFailure(holding, failure));
    }
    throw error;
  }
}

function createPermit(verdict: Verdict, holding: Holding): Permit {
  const { context, key, algorithm, cost, holder } = holding;
  let held = verdict.allowed;
  const release = async () => {
    if (!held) return false;
    // Without an answer to the claim, it may still be on its way.
    const hold = verdict.degraded ? givesUp : -1;
    const [, , freed] = await runDecision(context, key, { algorithm }, [-cost, 0, hold], holder);
    held = false;
    return freed === cost;
  };
  return {
    ...verdict,
    release,
    async extend() {
      if (!held) return false;
      const [wait] = await runDecision(context, key, { algorithm }, [cost, 0, 0], holder);
      return wait === 0;
    },
    async [Symbol.asyncDispose]() {
      await release().catch((error: unknown) => reportFailure(holding, error));
    },
  };
}

/** Gives back what a claim may have taken or may still take. It never rejects. */
async function giveUp(holding: Holding): Promise<void> {
  const { context, key, algorithm, cost, holder } = holding;
  try {
    await persist(() => runDecision(context, key, { algorithm }, [-cost, 0, givesUp], holder), 10_000);
  } catch (error) {
    reportFailure(holding, error);
  }
}

function reportFailure({ context, id }: Holding, error: unknown): void {
  report(context, id, { type: "failed", error });
}
