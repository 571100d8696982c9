import { checkList, checkOptions, checkText } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import { tripIfReady } from "../../../outage/breaker.ts";
import { decide, report } from "../decide.ts";
import { throwUnlessOutage } from "../outage-policy.ts";
import { scriptFor, type ScriptItem } from "../scripts/limit-all.lua.ts";
import { undoCall } from "../undo.ts";
import { toVerdict, type Verdict } from "../verdict.ts";
import { checkItems, checkSlot, type LimitItem, type LimitOf, resolveItem } from "./limit-item.ts";

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
export async function limitAll(limits: readonly LimitOf[], call?: LimitAllOptions): Promise<VerdictOfAll> {
  const options = checkOptions(call, "{ group: userId }") ?? {};
  const { atomic = true } = options;
  const items = checkItems(checkList("limits", limits).map((limit) => resolveItem(limit, options.group)));
  const tooMuch = items.some(({ cost, algorithm }) => cost > algorithm.limit);
  if (tooMuch) return summarize(await Promise.all(items.map((item) => item.limiter.peek(item.id, item))));
  return atomic ? decideAtomically(checkSlot(items), options) : decideOneByOne(items, options);
}

async function decideAtomically(items: readonly LimitItem[], options: LimitAllOptions): Promise<VerdictOfAll> {
  const { signal, requestId } = options;
  const [first] = items;
  if (!first) return summarize([]);
  signal?.throwIfAborted();
  const { redis, timeout } = first.context;
  const seen = requestId === undefined ? [] : [`${first.key}#${checkText("requestId", requestId)}`];
  const asked = items.map(toScriptItem);
  const { script, values } = scriptFor(asked, seen);
  try {
    const idempotent = seen.length > 0 || asked.every(({ callId }) => callId !== "");
    const ask = () => script(redis, values, { signal, timeout, idempotent });
    const reply = await tripIfReady(first.context.breaker, signal, ask);
    const verdicts = items.map(({ algorithm }, i) => toVerdict(algorithm, 0, reply.slice(3 * i, 3 * i + 3)));
    items.forEach((item, i) => report(item.context, item.id, { type: verdicts[i]?.allowed ? "allowed" : "refused" }));
    return summarize(verdicts);
  } catch (error) {
    // A call with a name may be asked again, and counts once.
    if (signal?.aborted && requestId === undefined) {
      items.forEach((item, i) => void undoCall({ ...item, callId: asked[i]?.callId ?? "" }));
    }
    throwUnlessOutage(error, signal);
    for (const item of items) report(item.context, item.id, { type: "failed", error });
    return summarize(await Promise.all(items.map((item) => decideWithoutRedis(item, error))));
  }
}

async function decideWithoutRedis({ context, id, key, cost, algorithm }: LimitItem, error: unknown): Promise<Verdict> {
  return context.onError({ id, key, cost, algorithm, error });
}

function toScriptItem({ algorithm, key, cost }: LimitItem): ScriptItem {
  const { script, numbers } = algorithm;
  return { plan: script.plan, key, callId: algorithm.requestId(), cost, numbers };
}

async function decideOneByOne(items: readonly LimitItem[], options: LimitAllOptions): Promise<VerdictOfAll> {
  const { signal, requestId } = options;
  if (requestId !== undefined) throw new OptionError("`requestId` needs `atomic: true`");
  signal?.throwIfAborted();
  const calls = items.map((item) => ({ ...item, callId: item.algorithm.requestId() }));
  const results = await Promise.allSettled(
    calls.map(({ context, id, cost, group, algorithm, callId }) =>
      decide(context, id, { cost, group, algorithm, signal }, 0, callId),
    ),
  );
  const verdicts = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const all = summarize(verdicts);
  const failed = results.find((result) => result.status === "rejected");
  if (all.allowed && !failed) return all;
  await Promise.all(items.map((item, i) => giveBack(item, results[i])));
  // What was under way when the caller left may have been counted.
  if (signal?.aborted) calls.forEach((call, i) => results[i]?.status === "rejected" && void undoCall(call));
  if (failed) throw failed.reason;
  return all;
}

/** Gives back what this limit took; what cannot be given back comes back with time. */
async function giveBack(item: LimitItem, result: PromiseSettledResult<Verdict> | undefined): Promise<void> {
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
