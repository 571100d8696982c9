import {
  checkDuration,
  checkDurationOrZero,
  checkFunction,
  checkMethods,
  checkOneOf,
  checkOptions,
} from "../../check.ts";
import { hexDigest } from "../../crypto.ts";
import { OptionError } from "../../errors.ts";
import { emit } from "../../event.ts";
import { keyOf, namespaceOf } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { unchecked } from "../../unchecked.ts";
import { claimRun } from "./claim.ts";
import type { IdempotentCall } from "./context.ts";
import { IdempotentFailureError } from "./errors.ts";
import { decodeResult, encodeRecord, encodeRun, type IdempotencyRecord } from "./format.ts";
import type { Idempotent, IdempotencyOptions, IdempotentOptions } from "./options.ts";
import { runWork } from "./run.ts";
import { portFor } from "../../wait/ask-again.ts";

/**
 * Makes handlers idempotent: a webhook or a queue may deliver twice, a client may press twice, the work is done once. Results are stored
 * as JSON. The work runs at most once while runs end within their lease. After a crash between the work and the storing, or after the
 * lease, the next caller runs it again.
 * @throws {OptionError} An option can never work.
 * @example
 * const idempotent = createIdempotency(redis, { prefix: "payment", ttl: hours(24) });
 * const receipt = await idempotent(`order:${id}`, ({ signal }) => charge(order, { signal }), { payload: body });
 */
export function createIdempotency(redis: Redis, options: IdempotencyOptions): Idempotent {
  const port = portFor(redis, options);
  const { prefix, ttl, lease = 30_000, wait = lease, failures = "retry", onEvent, waitUntil } = options;
  const namespace = namespaceOf("idempotency", prefix);
  checkDuration("ttl", ttl);
  const wholeLease = checkDuration("lease", lease);
  checkDurationOrZero("wait", wait);
  checkOneOf("failures", failures, ["retry", "store"]);
  if (onEvent !== undefined) checkFunction("onEvent", onEvent);
  if (waitUntil !== undefined) checkFunction("waitUntil", waitUntil);
  return async (id, work, callOptions) => {
    const own = checkCall(callOptions, ttl);
    const key = keyOf(namespace, id);
    checkFunction("work", work);
    own.signal?.throwIfAborted();
    const fingerprint = await fingerprintOf(own.payload);
    const run = encodeRun(wholeLease, crypto.randomUUID());
    const call: IdempotentCall = {
      redis: port,
      key,
      run,
      ownRecord: encodeRecord({ kind: "running", fingerprint, body: run }),
      fingerprint,
      lease: wholeLease,
      wait,
      ttl: own.ttl,
      failures,
      signal: own.signal,
      waitUntil,
      report: (type, error) => emit(onEvent, { pattern: "idempotency", type, prefix, id, error }),
    };
    const claimed = await claimRun(call);
    return typeof claimed === "number" ? runWork(call, work, claimed) : unchecked(toResult(claimed));
  };
}

/** Checks the options of one call, and fills in the usual `ttl`. */
function checkCall(options: IdempotentOptions | undefined, usualTtl: number) {
  const { ttl = usualTtl, payload, signal } = checkOptions(options, "{ ttl: hours(1) }") ?? {};
  checkMethods("signal", signal, "an AbortSignal", "throwIfAborted");
  return { ttl: checkDuration("ttl", ttl), payload, signal };
}

async function fingerprintOf(payload: string | undefined): Promise<string> {
  if (payload === undefined) return "";
  if (typeof payload !== "string") throw new OptionError("`payload` must be a string, such as the body of the request");
  return hexDigest("SHA-256", payload);
}

function toResult({ kind, body }: IdempotencyRecord): unknown {
  if (kind === "failure") throw new IdempotentFailureError(body);
  return decodeResult(body);
}
