import type { Breaker } from "../breaker.ts";
import { count, text } from "../check.ts";
import { OptionError } from "../errors.ts";
import { emit, type OnEvent } from "../event.ts";
import { keyOf } from "../keys.ts";
import type { Redis } from "../redis.ts";
import type { LimitAlgorithm } from "./algorithm.ts";
import { degraded, guarded, type OnLimiterError } from "./outage.ts";
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
}

/** What a caller can say about one call. */
export interface Call {
  readonly signal?: AbortSignal | undefined;
  readonly requestId?: string | undefined;
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
  most = 0,
): Promise<Verdict> {
  const { cost = 1, signal, algorithm = parts.algorithm } = call;
  const { prefix, onEvent } = parts;
  keyOf(prefix, id);
  if (count("cost", cost) > algorithm.limit) return verdict(algorithm, { reason: "cost", retryAfter: Infinity });
  try {
    const found = read(algorithm, most, await ask(parts, id, call, { cost, most }));
    emit(onEvent, { pattern: "limiter", type: found.allowed ? "allowed" : "refused", prefix, id });
    return found;
  } catch (error) {
    if (signal?.aborted || error instanceof OptionError) throw error;
    emit(onEvent, { pattern: "limiter", type: "failed", prefix, id, error });
    return degraded(parts.onError, { id, cost, algorithm, error });
  }
}

/** Runs the script, guarded. */
export async function ask(parts: LimiterParts, id: string, call: Call, demand: Demand): Promise<number[]> {
  const { requestId, algorithm = parts.algorithm } = call;
  const { script, numbers, remembers } = algorithm;
  const key = keyOf(parts.prefix, id, algorithm.kind);
  const seen = requestId === undefined ? [] : [`${key}:${text("requestId", requestId)}`];
  const values = { hold: 0, id: remembers ? briefId() : "", key, seen, numbers, ...demand };
  const idempotent = remembers || seen.length > 0 || demand.most < 0;
  return guarded(parts.breaker, parts.timeout, call.signal, (signal) =>
    script(parts.redis, values, { signal, idempotent }),
  );
}

/** Six characters: enough to tell the last few calls of one id apart. */
export function briefId(): string {
  return Math.random().toString(36).slice(2, 8);
}

function read(algorithm: LimitAlgorithm, most: number, [wait = 0, free = 0, reset = 0]: readonly number[]): Verdict {
  return verdict(algorithm, {
    reason: wait <= Math.max(most, 0) ? null : free < 0 ? "blocked" : "limit",
    remaining: Math.min(Math.max(free, 0), algorithm.limit),
    retryAfter: wait,
    resetAfter: reset,
  });
}
