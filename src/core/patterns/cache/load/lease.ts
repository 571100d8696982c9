import type { Redis } from "../../../port/redis.ts";
import { startBackgroundTimer } from "../../../time/timer.ts";
import { type CacheContext, keysOf, report, trip, wakeArg } from "../context.ts";
import { leaseTtl } from "../freshness.ts";
import { renewEvery, renewLease } from "../scripts/claim.lua.ts";
import { endLoad } from "../scripts/fill.lua.ts";

/** Leases that this process holds. */
export interface Leases {
  /** The port by which they are renewed and given back. */
  readonly redis: Redis;
  readonly ids: readonly string[];
  /** The text that the leases hold. */
  readonly token: string;
}

/**
 * Gives leases back, in one trip. A mark may take their place. If Redis is not reached the leases are taken over after three seconds.
 */
export async function releaseLeases(context: CacheContext, { redis, ids, token }: Leases, mark = ""): Promise<void> {
  const ends = ids.map((id) => ({ ...keysOf(context, id), token, mark, wake: wakeArg(context) }));
  await trip(context, undefined, (options) => Promise.all(ends.map((end) => endLoad(redis, end, options)))).catch(
    (error: unknown) => report(context, "error", ids[0] ?? "", { error }),
  );
}

/** Renews the leases while the work goes on, in one trip a second. Work that ends within a second sends nothing. */
export async function whileLeased<R>(context: CacheContext, leases: Leases, work: () => Promise<R>): Promise<R> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = leases.ids.length === 0;
  const renewLater = () => {
    if (!ended) timer = startBackgroundTimer(() => void renewLeases(context, leases).then(renewLater), renewEvery);
  };
  renewLater();
  try {
    return await work();
  } finally {
    ended = true;
    clearTimeout(timer);
  }
}

/** A renewal that fails is reported, and made up for by the next one. */
async function renewLeases(context: CacheContext, { redis, ids, token }: Leases): Promise<void> {
  const { breaker } = context;
  if (breaker.open) return;
  const brief = { breaker, timeout: Math.min(context.timeout, renewEvery) };
  const values = { token, leaseTtl: leaseTtl(context) };
  await trip(brief, undefined, (options) =>
    Promise.all(ids.map((id) => renewLease(redis, { lease: keysOf(context, id).lease, ...values }, options))),
  ).catch((error: unknown) => report(context, "error", ids[0] ?? "", { error }));
}
