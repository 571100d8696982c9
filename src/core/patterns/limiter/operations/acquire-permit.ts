import { OptionError } from "../../../errors.ts";
import { contextOf } from "../context.ts";
import { counterKey, decide, report, runDecision } from "../decide.ts";
import type { Limiter } from "../limiter.ts";
import type { LimitOptions } from "../options.ts";
import type { Verdict } from "../verdict.ts";

/** The permit of one call under way, if it was allowed. */
export interface Permit extends Verdict, AsyncDisposable {
  /**
   * Gives the permit back; false if it was refused, given back before, or lost because its lease had ended.
   * @throws {RedisPatternsError} Redis failed; the permit is free again when its lease ends.
   */
  release(): Promise<boolean>;
  /**
   * Starts the lease anew; false if the permit was lost and none is free.
   * @throws {RedisPatternsError} Redis failed.
   */
  extend(): Promise<boolean>;
}

/**
 * Acquires a permit of a `concurrency` limit. `await using` gives it back at the end of its block.
 * @example
 * const exports = createLimiter(redis, { prefix: "export", algorithm: concurrency({ limit: 5, lease: minutes(2) }) });
 * await using permit = await acquirePermit(exports, userId);
 * if (!permit.allowed) throw new Error(`Busy; come back in ${permit.retryAfter} ms`);
 * @throws {OptionError} The limiter's algorithm is not `concurrency`, or an argument can never work.
 * @throws The signal's reason, if it aborted.
 */
export async function acquirePermit(limiter: Limiter, id: string, options: LimitOptions = {}): Promise<Permit> {
  const context = contextOf(limiter);
  const { cost = 1, algorithm = context.algorithm } = options;
  if (!algorithm.held) throw new OptionError("`acquirePermit` needs a limiter whose `algorithm` is concurrency(...)");
  const key = counterKey(context, id, options);
  const holder = algorithm.requestId();
  const verdict = await decide(context, id, options, 0, holder);
  let held = verdict.allowed;
  const release = async () => {
    if (!held) return false;
    const [, , freed] = await runDecision(context, key, { algorithm }, [-cost, 0, -1], holder);
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
      await release().catch((error: unknown) => {
        report(context, id, { type: "failed", error });
      });
    },
  };
}
