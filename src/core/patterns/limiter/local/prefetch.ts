import { onAbort } from "../../../abort.ts";
import { checkCount, checkDuration, checkOptions } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { contextOf } from "../context.ts";
import { counterKey, report } from "../decide.ts";
import type { Limiter } from "../limiter.ts";
import type { LimitOptions } from "../options.ts";
import { createQuotas, type Quota, type Quotas } from "./quota.ts";
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
    async limit(id, options) {
      const call = checkOptions(options, "{ cost: 2 }") ?? {};
      call.signal?.throwIfAborted();
      const key = counterKey(context, id, { group: call.group });
      const cost = checkCount("cost", call.cost ?? 1);
      const quota = quotas.find(key);
      if (quota && quota.left >= cost) return serve(quota, cost);
      return draw({ limiter, quotas, batch }, { key, id, call, cost, quota });
    },
    close: quotas.close,
  };

  async function serve(quota: Quota, cost: number): Promise<Verdict> {
    quota.left -= cost;
    quota.usedAt = performance.now();
    return createVerdict(algorithm, { remaining: quota.remaining + quota.left, resetAfter: quota.resetAfter });
  }
}

/** What the calls of one prefetching limiter share. */
interface Pool {
  readonly limiter: Limiter;
  readonly quotas: Quotas;
  readonly batch: number;
}

/** A call that the units in memory do not cover. */
interface Draw {
  readonly key: string;
  readonly id: string;
  readonly call: PrefetchCall;
  readonly cost: number;
  readonly quota: Quota | undefined;
}

// The first call of an id takes what it needs, so that no batch is drawn for an id that does not come back. So does a call that comes
// while another one draws, so that it need not wait for that trip.
function draw(pool: Pool, { key, id, call, cost, quota }: Draw): Promise<Verdict> {
  const most = Math.min(pool.batch, Math.floor((quota?.remaining ?? 0) / 8));
  const wanted = quota && !quota.drawing ? Math.max(cost, most) : cost;
  // Without the signal: what is drawn for a caller that has left is served to others, or given back.
  const { signal, ...rest } = call;
  const drawUnits = async () => {
    const drawn = await pool.limiter.limit(id, { ...rest, cost: wanted });
    const found = drawn.allowed || wanted === cost ? drawn : await pool.limiter.limit(id, rest);
    const units = drawn.allowed ? wanted : cost;
    const served = signal?.aborted ? 0 : cost;
    if (!found.degraded) pool.quotas.add(key, id, call.group, found.allowed ? units - served : 0, found);
    return found;
  };
  if (quota) quota.drawing ||= wanted > cost;
  const work = drawUnits().finally(() => {
    if (quota && wanted > cost) quota.drawing = false;
  });
  return untilAbort(work, signal);
}

/** Resolves with the work, or rejects with the signal's reason as soon as it aborts. */
function untilAbort<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal?.reason);
    const stay = onAbort(signal, leave);
    work.finally(stay).then(resolve, reject);
    if (signal?.aborted) leave();
  });
}
