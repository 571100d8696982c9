import { checkCount, checkText } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import type { LimitAlgorithm } from "../algorithm.ts";
import { contextOf, type LimiterContext } from "../context.ts";
import { counterKey, report } from "../decide.ts";
import type { Limiter } from "../limiter.ts";
import { guarded } from "../outage-policy.ts";
import { scriptFor, type ScriptItem } from "../scripts/limit-all.lua.ts";
import { toVerdict, type Verdict } from "../verdict.ts";

/** One of several limits that a call must pass. */
export interface LimitOf {
  readonly limiter: Limiter;
  /** The id that this limit counts. */
  readonly id: string;
  /**
   * The units that the call takes of it.
   * @default 1
   */
  readonly cost?: number | undefined;
  /**
   * A name that several ids share, so that their keys are in one Cluster slot; see `LimitOptions`.
   * @default that of `LimitAllOptions`
   */
  readonly group?: string | undefined;
  /** Another limit of the same kind for this call; see `LimitOptions`. */
  readonly algorithm?: LimitAlgorithm | undefined;
}

/** Options of a decision by several limits. */
export interface LimitAllOptions {
  /** The group of every limit that names none, so that they share a Cluster slot. */
  readonly group?: string | undefined;
  /**
   * Decides all in one script. With `false` each is taken on its own and given back if another refuses, so that other calls can be
   * refused for a moment; it also works on a Cluster where the ids share no slot.
   * @default true
   */
  readonly atomic?: boolean | undefined;
  /** Ends the wait for Redis. */
  readonly signal?: AbortSignal | undefined;
  /** A name for the call, so that it counts once within a minute. It needs `atomic`. */
  readonly requestId?: string | undefined;
}

/** The decision of several limits together. */
export interface VerdictOfAll {
  /** True if all of them allow the call. */
  readonly allowed: boolean;
  /** The verdict of each limit, in the order of `limits`. */
  readonly verdicts: readonly Verdict[];
  /** The positions of the limits that refused. */
  readonly refusedBy: readonly number[];
  /** The longest `retryAfter` of the verdicts, in milliseconds. */
  readonly retryAfter: number;
  /** True where the outage policy of any of them decided. */
  readonly degraded: boolean;
  /** Work that goes on after the answer, for `waitUntil`. It never rejects. */
  readonly pending: Promise<void>;
}

/** A limit with its defaults filled in. */
interface Item {
  readonly context: LimiterContext;
  readonly limiter: Limiter;
  readonly id: string;
  readonly cost: number;
  readonly group: string | undefined;
  readonly algorithm: LimitAlgorithm;
  readonly key: string;
}

/**
 * Decides by several limits at once: all take their cost, or none does.
 * @example
 * const perMinute = createLimiter(redis, { prefix: "minute", algorithm: gcra({ limit: 60, window: minutes(1) }) });
 * const perDay = createLimiter(redis, { prefix: "day", algorithm: fixedWindow({ limit: 5_000, window: days(1) }) });
 * const limits = [perMinute, perDay].map((limiter) => ({ limiter, id: userId }));
 * const { allowed, refusedBy } = await limitAll(limits);
 * @throws {OptionError} On a Cluster the limits share no hash tag, two of them share a key, or an argument can never work. Nothing
 * was sent.
 * @throws The signal's reason, if it aborted.
 */
export async function limitAll(limits: readonly LimitOf[], options: LimitAllOptions = {}): Promise<VerdictOfAll> {
  const { atomic = true } = options;
  const items = checkItems(limits.map((limit) => resolveItem(limit, options.group)));
  const tooMuch = items.some(({ cost, algorithm }) => cost > algorithm.limit);
  if (tooMuch) return summarize(await Promise.all(items.map((item) => item.limiter.peek(item.id, item))));
  return atomic ? decideAtomically(checkSlot(items), options) : decideOneByOne(items, options);
}

function resolveItem({ limiter, id, cost = 1, group: own, algorithm: plan }: LimitOf, shared?: string): Item {
  const context = contextOf(limiter);
  const algorithm = plan ?? context.algorithm;
  const group = own ?? shared;
  const key = counterKey(context, id, { group, algorithm });
  return { context, limiter, id, cost: checkCount("cost", cost), group, algorithm, key };
}

function checkItems(items: readonly Item[]): readonly Item[] {
  if (items.length === 0) throw new OptionError("`limits` must name one limit or more");
  if (new Set(items.map(({ key }) => key)).size < items.length) {
    throw new OptionError("Two of `limits` count in one key; give their limiters different prefixes");
  }
  if (items.some(({ algorithm }) => algorithm.held)) {
    throw new OptionError("`limits` cannot hold a concurrency limit; use `acquirePermit` after `limitAll`");
  }
  if (new Set(items.map(({ context }) => context.redis)).size > 1) {
    throw new OptionError("All `limits` must be on one redis; pass the same adapter to their limiters");
  }
  return items;
}

function checkSlot(items: readonly Item[]): readonly Item[] {
  const tags = new Set(items.map(({ id, group = id }) => group));
  if (tags.size > 1 && items[0]?.context.redis.masters) {
    throw new OptionError("On a Cluster `limits` need one hash tag: pass `group`, or `atomic: false`");
  }
  return items;
}

async function decideAtomically(items: readonly Item[], options: LimitAllOptions): Promise<VerdictOfAll> {
  const { signal, requestId } = options;
  const [first] = items;
  if (!first) return summarize([]);
  const { redis, timeout } = first.context;
  const seen = requestId === undefined ? [] : [`${first.key}#${checkText("requestId", requestId)}`];
  const asked = items.map(toScriptItem);
  const { script, values } = scriptFor(asked, seen);
  try {
    const idempotent = seen.length > 0 || asked.every(({ callId }) => callId !== "");
    const reply = await guarded(first.context, signal, () => script(redis, values, { signal, timeout, idempotent }));
    const verdicts = items.map(({ algorithm }, i) => toVerdict(algorithm, 0, reply.slice(3 * i, 3 * i + 3)));
    items.forEach((item, i) => report(item.context, item.id, { type: verdicts[i]?.allowed ? "allowed" : "refused" }));
    return summarize(verdicts);
  } catch (error) {
    if (signal?.aborted || error instanceof OptionError) throw error;
    for (const item of items) report(item.context, item.id, { type: "failed", error });
    return summarize(await Promise.all(items.map((item) => item.context.onError({ ...item, error }))));
  }
}

function toScriptItem({ algorithm, key, cost }: Item): ScriptItem {
  const { script, numbers } = algorithm;
  return { plan: script.plan, key, callId: algorithm.requestId(), cost, numbers };
}

async function decideOneByOne(items: readonly Item[], options: LimitAllOptions): Promise<VerdictOfAll> {
  const { signal, requestId } = options;
  if (requestId !== undefined) throw new OptionError("`requestId` needs `atomic: true`");
  const results = await Promise.allSettled(
    items.map(({ limiter, id, cost, group, algorithm }) => limiter.limit(id, { cost, group, algorithm, signal })),
  );
  const verdicts = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const all = summarize(verdicts);
  const failed = results.find((result) => result.status === "rejected");
  if (all.allowed && !failed) return all;
  await Promise.all(items.map((item, i) => giveBack(item, results[i])));
  if (failed) throw failed.reason;
  return all;
}

/** Gives back what this limit took; what cannot be given back comes back with time. */
async function giveBack(item: Item, result: PromiseSettledResult<Verdict> | undefined): Promise<void> {
  if (result?.status !== "fulfilled" || !result.value.allowed || result.value.degraded) return;
  const { limiter, id, cost, group, algorithm } = item;
  await limiter
    .refund(id, cost, { group, algorithm })
    .catch((error: unknown) => report(item.context, item.id, { type: "failed", error }));
}

function summarize(verdicts: readonly Verdict[]): VerdictOfAll {
  const refusedBy = verdicts.flatMap(({ allowed }, i) => (allowed ? [] : [i]));
  return {
    allowed: refusedBy.length === 0,
    verdicts,
    refusedBy,
    retryAfter: Math.max(...verdicts.map(({ retryAfter }) => retryAfter)),
    degraded: verdicts.some(({ degraded }) => degraded),
    pending: Promise.resolve(),
  };
}
