import type { Breaker } from "../../outage/breaker.ts";
import { checkCount, checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { emit, type OnEvent } from "../../event.ts";
import { encodeId, keyOf } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import type { BlockedIds } from "./local/blocked-ids.ts";
import { degraded, guarded, type OnLimiterError } from "./outage-policy.ts";
import { type Verdict, verdict } from "./verdict.ts";

/** What the operations of one limiter share. */
export interface LimiterParts {
  readonly redis: Redis;
  readonly prefix: string;
  readonly algorithm: LimitAlgorithm;
  readonly onError: "allow" | "deny" | OnLimiterError;
  readonly timeout: number;
  readonly breaker: Breaker;
  readonly onEvent: OnEvent | undefined;
  readonly blocked: BlockedIds | undefined;
}

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
  parts: LimiterParts,
  id: string,
  call: Call & { readonly cost?: number | undefined },
  demand: Omit<Demand, "cost"> = { most: 0 },
): Promise<Verdict> {
  const { cost = 1, signal, algorithm = parts.algorithm } = call;
  const { prefix, onEvent } = parts;
  const key = keyFor(prefix, id, call.group, algorithm);
  if (checkCount("cost", cost) > algorithm.limit) return verdict(algorithm, { reason: "cost", retryAfter: Infinity });
  const blocked = demand.most === 0 && !algorithm.held ? parts.blocked : undefined;
  const same = blocked ? [cost, ...algorithm.numbers].join() : "";
  const known = signal?.aborted ? undefined : blocked?.find(key, same);
  const askedAt = performance.now();
  try {
    const found = known ?? read(algorithm, demand.most, await ask(parts, id, call, { ...demand, cost }));
    if (!known && found.retryAfter > 0) blocked?.add(key, same, found, askedAt);
    emit(onEvent, { pattern: "limiter", type: found.allowed ? "allowed" : "refused", prefix, id });
    return found;
  } catch (error) {
    if (signal?.aborted || error instanceof OptionError) throw error;
    emit(onEvent, { pattern: "limiter", type: "failed", prefix, id, error });
    return degraded(parts.onError, { id, key, cost, algorithm, error });
  }
}

/** Runs the script, guarded. */
export function ask(parts: LimiterParts, id: string, call: Call, demand: Demand): Promise<number[]> {
  const { redis, breaker, timeout } = parts;
  const { requestId, signal, algorithm = parts.algorithm } = call;
  const { script } = algorithm;
  const [a, b, c] = algorithm.numbers;
  const key = keyFor(parts.prefix, id, call.group, algorithm);
  const seen = requestId === undefined ? [] : [`${key}#${checkText("requestId", requestId)}`];
  const { cost, most, hold = 0, id: own = algorithm.requestId() } = demand;
  const usual = cost === 1 && most === 0 && hold === 0;
  const values = { key, seen, id: own, a, b, c, demand: usual ? [] : [cost, most, hold] };
  const idempotent = own !== "" || seen.length > 0 || most < 0;
  const answer = guarded(breaker, signal, () => script(redis, values, { signal, timeout, idempotent }));
  return demand.cost < 1 ? answer.finally(() => parts.blocked?.clear(key)) : answer;
}

/** The key of an id: under its own hash tag, or under its group's, with its length so that no id can forge another's key. */
export function keyFor(prefix: string, id: string, group: string | undefined, { kind }: LimitAlgorithm): string {
  if (group === undefined) return keyOf(prefix, id, kind);
  return keyOf(prefix, group, `${kind}:${id.length}:${encodeId(id)}`);
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
