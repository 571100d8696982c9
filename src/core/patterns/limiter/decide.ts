import { checkCount, checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { emit, type PatternEvent } from "../../event.ts";
import { encodeId, keyOf } from "../../keys.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import type { LimiterContext } from "./context.ts";
import { degraded, guarded } from "./outage-policy.ts";
import { type Verdict, verdict } from "./verdict.ts";

/** What a caller can say about one call. */
export interface Call {
  readonly signal?: AbortSignal | undefined;
  readonly requestId?: string | undefined;
  readonly group?: string | undefined;
  readonly algorithm?: LimitAlgorithm | undefined;
}

/** What is asked of the script; see `decision`. */
export interface Demand {
  readonly cost: number;
  readonly most: number;
  readonly hold?: number;
  /** The request id that is remembered in the value. */
  readonly id?: string;
}

/** Decides, or says what the outage policy says. */
export async function decide(
  context: LimiterContext,
  id: string,
  call: Call & { readonly cost?: number | undefined },
  demand: Omit<Demand, "cost"> = { most: 0 },
): Promise<Verdict> {
  const { cost = 1, signal, algorithm = context.algorithm } = call;
  const key = counterKey(context, id, call);
  if (checkCount("cost", cost) > algorithm.limit) return verdict(algorithm, { reason: "cost", retryAfter: Infinity });
  const blocked = demand.most === 0 && !algorithm.held ? context.blocked : undefined;
  const same = blocked ? [cost, ...algorithm.numbers].join() : "";
  const known = signal?.aborted ? undefined : blocked?.find(key, same);
  const askedAt = performance.now();
  try {
    const found = known ?? read(algorithm, demand.most, await ask(context, key, call, { ...demand, cost }));
    if (!known && found.retryAfter > 0) blocked?.add(key, same, found, askedAt);
    report(context, id, { type: found.allowed ? "allowed" : "refused" });
    return found;
  } catch (error) {
    if (signal?.aborted || error instanceof OptionError) throw error;
    report(context, id, { type: "failed", error });
    return degraded(context.onError, { id, key, cost, algorithm, error });
  }
}

/** Runs the script on a key of `counterKey`, guarded. */
export function ask(context: LimiterContext, key: string, call: Call, demand: Demand): Promise<number[]> {
  const { redis, breaker, timeout } = context;
  const { requestId, signal, algorithm = context.algorithm } = call;
  const { script, numbers } = algorithm;
  const seen = requestId === undefined ? [] : [`${key}#${checkText("requestId", requestId)}`];
  const { cost, most, hold = 0, id: own = algorithm.requestId() } = demand;
  const usual = cost === 1 && most === 0 && hold === 0;
  const values = { key, seen, id: own, numbers: usual ? numbers : [...numbers, cost, most, hold] };
  const idempotent = own !== "" || seen.length > 0 || most < 0;
  const answer = guarded(breaker, signal, () => script(redis, values, { signal, timeout, idempotent }));
  return demand.cost < 1 ? answer.finally(() => context.blocked?.clear(key)) : answer;
}

/** The key of an id: under its own hash tag, or under its group's, with its length so that no id can forge another's key. */
export function counterKey(context: LimiterContext, id: string, call: Pick<Call, "group" | "algorithm">): string {
  const { group, algorithm: { kind } = context.algorithm } = call;
  if (group === undefined) return keyOf(context.prefix, id, kind);
  return keyOf(context.prefix, group, `${kind}:${id.length}:${encodeId(id)}`);
}

/** Tells `onEvent` what became of a call. */
export function report(context: LimiterContext, id: string, event: Pick<PatternEvent, "type" | "error">): void {
  emit(context.onEvent, { pattern: "limiter", prefix: context.prefix, id, ...event });
}

/** Reads the script's answer. */
export function read(
  algorithm: LimitAlgorithm,
  most: number,
  [wait = 0, free = 0, reset = 0]: readonly number[],
): Verdict {
  return verdict(algorithm, {
    reason: wait <= Math.max(most, 0) ? null : free < 0 ? "blocked" : "limit",
    remaining: Math.min(Math.max(free, 0), algorithm.limit),
    retryAfter: wait,
    resetAfter: reset,
  });
}
