import { checkCount, checkDuration } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { contextOf } from "../context.ts";
import { counterKey, report } from "../decide.ts";
import type { Limiter } from "../limiter.ts";
import type { LimitOptions } from "../options.ts";
import { createQuotas, type Quota } from "./quota.ts";
import { createVerdict, type Verdict } from "../verdict.ts";

/** Options of `prefetch`. */
export interface PrefetchOptions {
  /**
   * The most units to draw at once. Where little is left, it draws an eighth of what is left.
   * @default 20
   */
  readonly batch?: number;
  /**
   * The time for which drawn units are served, in milliseconds; then they are given back.
   * @default 1000
   */
  readonly hold?: number;
  /**
   * The time after an id's last call at which its unused units are given back, in milliseconds; at most `hold`.
   * @default hold / 2
   */
  readonly idle?: number;
}

/** Options of one call: a prefetching limiter has one limit, and its calls have no names. */
export type PrefetchCall = Omit<LimitOptions, "requestId" | "algorithm">;

/** A limiter that serves units from memory. */
export interface PrefetchLimiter {
  /**
   * Decides as `Limiter.limit` does, most often without a trip. `remaining` and `resetAfter` are as of the last draw.
   * @throws As `Limiter.limit` does.
   */
  limit(id: string, options?: PrefetchCall): Promise<Verdict>;
  /** Gives back all unused units; it never rejects. The limiter may be used again. */
  close(): Promise<void>;
}

/**
 * Draws units in batches and serves them from memory, so that one trip is enough for many calls. Units count when they are drawn, so
 * that never more than the limit is drawn. In a window at most the limit is served, and in addition what was drawn and not yet served
 * when it began: `batch` for each process. It is made for limits far above that and for processes that live long: each active id has a
 * timer, and the unused units of a process that ends without `close` are lost.
 * @throws {OptionError} An option is out of its range, or the algorithm is `concurrency`.
 */
export function prefetch(limiter: Limiter, options: PrefetchOptions = {}): PrefetchLimiter {
  const { batch = 20, hold = 1_000, idle = hold / 2 } = options;
  const context = contextOf(limiter);
  const { algorithm } = context;
  if (checkDuration("idle", idle) > checkDuration("hold", hold)) throw new OptionError("`idle` must be at most `hold`");
  if (algorithm.held) throw new OptionError("`algorithm` must not be concurrency: held units cannot be drawn ahead");
  checkCount("batch", batch);
  const quotas = createQuotas(hold, idle, ({ id, group, left }) =>
    limiter.refund(id, left, { group }).catch((error: unknown) => {
      report(context, id, { type: "failed", error });
    }),
  );
  return {
    limit(id, call = {}) {
      const key = counterKey(context, id, { group: call.group });
      const cost = checkCount("cost", call.cost ?? 1);
      const quota = quotas.find(key);
      if (quota && quota.left >= cost) return serve(quota, cost);
      return draw(key, id, call, cost, quota);
    },
    close: quotas.close,
  };

  async function serve(quota: Quota, cost: number): Promise<Verdict> {
    quota.left -= cost;
    quota.usedAt = performance.now();
    return createVerdict(algorithm, { remaining: quota.remaining + quota.left, resetAfter: quota.resetAfter });
  }

  // The first call of an id takes what it needs, so that no batch is drawn for an id that does not come back. So does a call that comes
  // while another one draws, so that it need not wait for that trip.
  async function draw(key: string, id: string, call: PrefetchCall, cost: number, quota?: Quota): Promise<Verdict> {
    const wanted = quota && !quota.drawing ? Math.max(cost, Math.min(batch, Math.floor(quota.remaining / 8))) : cost;
    if (quota) quota.drawing ||= wanted > cost;
    try {
      const drawn = await limiter.limit(id, { ...call, cost: wanted });
      const found = drawn.allowed || wanted === cost ? drawn : await limiter.limit(id, call);
      if (!found.degraded) quotas.add(key, id, call.group, drawn.allowed ? wanted - cost : 0, found);
      return found;
    } finally {
      if (quota && wanted > cost) quota.drawing = false;
    }
  }
}
