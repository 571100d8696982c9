import { checkCount, checkMethods, checkOptions, checkText } from "../../check.ts";
import { emit, type PatternEvent } from "../../event.ts";
import { encodeId, keyOf } from "../../keys.ts";
import { tripIfReady } from "../../outage/breaker.ts";
import { checkAlgorithm } from "./algorithm.ts";
import type { LimiterContext } from "./context.ts";
import type { LimitOptions } from "./options.ts";
import { throwUnlessOutage } from "./outage-policy.ts";
import { createVerdict, toVerdict, type Verdict } from "./verdict.ts";

/** The part of a call that the script reads; see `defineDecision`. */
export type Demand = readonly [cost: number, maxWait: number, hold: number];

/**
 * Decides, or lets the outage policy decide where Redis is away.
 * @param maxWait The longest wait to accept by booking ahead, in milliseconds; -1 looks and takes nothing.
 * @param callId The id of the call, where the caller has to know it.
 */
export async function decide(
  context: LimiterContext,
  id: string,
  call: LimitOptions = {},
  maxWait = 0,
  callId?: string,
): Promise<Verdict> {
  const key = counterKey(context, id, call);
  const { cost = 1, signal, algorithm = context.algorithm } = call;
  if (checkCount("cost", cost) > algorithm.limit) {
    return createVerdict(algorithm, { reason: "cost", retryAfter: Infinity });
  }
  // A look and a booking are always asked anew, and held units may come back at any moment.
  const isRepeatable = maxWait === 0 && !algorithm.held && !signal?.aborted;
  const blocked = isRepeatable ? context.blocked : undefined;
  // A refusal holds for the same cost and limit only.
  const costAndLimit = blocked ? [cost, ...algorithm.numbers].join() : "";
  const repeated = blocked?.find(key, costAndLimit);
  try {
    const askedAt = performance.now();
    const demand: Demand = [cost, maxWait, 0];
    const verdict = repeated ?? toVerdict(algorithm, maxWait, await runDecision(context, key, call, demand, callId));
    if (!repeated && verdict.retryAfter > 0) blocked?.add(key, costAndLimit, verdict, askedAt);
    report(context, id, { type: verdict.allowed ? "allowed" : "refused" });
    return verdict;
  } catch (error) {
    throwUnlessOutage(error, signal);
    report(context, id, { type: "failed", error });
    return context.onError({ id, key, cost, algorithm, error });
  }
}

/**
 * Runs the script on a key of `counterKey`, guarded.
 * @throws {OptionError} The `requestId` is empty.
 * @throws Redis' error, or the reason of the signal.
 */
export function runDecision(
  context: LimiterContext,
  key: string,
  { requestId, signal, algorithm = context.algorithm }: LimitOptions,
  demand: Demand,
  callId = algorithm.requestId(),
): Promise<number[]> {
  const [cost, maxWait, hold] = demand;
  const seen = requestId === undefined ? [] : [`${key}#${checkText("requestId", requestId)}`];
  // The script knows this demand without being told.
  const usual = cost === 1 && maxWait === 0 && hold === 0;
  const numbers = usual ? algorithm.numbers : [...algorithm.numbers, ...demand];
  const idempotent = callId !== "" || seen.length > 0 || maxWait < 0;
  const reply = tripIfReady(context.breaker, signal, () =>
    algorithm.script(
      context.redis,
      { key, seen, call: callId, numbers },
      { signal, timeout: context.timeout, idempotent },
    ),
  );
  // A refund, a reset or a block may have taken effect even if the call failed: what was refused before says nothing any more.
  return cost < 1 ? reply.finally(() => context.blocked?.clear(key)) : reply;
}

/** The key of an id: under its own hash tag, or under its group's, with its length so that no id can forge another's key. */
export function counterKey(
  context: LimiterContext,
  id: string,
  call: Pick<LimitOptions, "group" | "algorithm" | "signal">,
): string {
  const { group, algorithm = context.algorithm, signal } = checkOptions(call, "{ cost: 5 }");
  const { kind } = algorithm === context.algorithm ? algorithm : checkAlgorithm(algorithm);
  if (signal !== undefined) checkMethods("signal", signal, "an AbortSignal", "throwIfAborted");
  if (group === undefined) return keyOf(context.namespace, id, kind);
  const member = encodeId(id);
  return keyOf(context.namespace, checkText("group", group), `${kind}:${id.length}:${member}`);
}

/** Reports to `onEvent` what became of a call. */
export function report(context: LimiterContext, id: string, event: Pick<PatternEvent, "type" | "error">): void {
  const { onEvent, prefix } = context;
  if (onEvent) emit(onEvent, { pattern: "limiter", prefix, id, ...event });
}

/** A random id of a call, behind a `;`: 7 characters, enough to tell the last few calls of one id apart. */
export function shortId(): string {
  return `;${Math.trunc(sixDigits + Math.random() * (2 ** 31 - sixDigits)).toString(36)}`;
}

/** The smallest number of six digits. Whole numbers below 2^31 become text faster than others. */
const sixDigits = 36 ** 5;
