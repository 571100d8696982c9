import { checkDuration, checkDurationOrZero, checkFunction, checkOneOf, checkPort } from "../../check.ts";
import { hexDigest } from "../../crypto.ts";
import { OptionError } from "../../errors.ts";
import { emit } from "../../event.ts";
import { keyOf, namespaceOf } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { unchecked } from "../../unchecked.ts";
import { claimRun } from "./claim.ts";
import type { IdempotentCall } from "./context.ts";
import { IdempotentFailureError } from "./errors.ts";
import { decodeResult, encodeRecord, type IdempotencyRecord } from "./format.ts";
import type { Idempotent, IdempotencyOptions } from "./options.ts";
import { runWork } from "./run.ts";

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
  checkPort(redis, options);
  const { ttl, lease = 30_000, wait = lease, failures = "retry", prefix, onEvent } = options;
  checkDuration("ttl", ttl);
  checkDuration("lease", lease);
  checkDurationOrZero("wait", wait);
  checkOneOf("failures", failures, ["retry", "store"]);
  const namespace = namespaceOf("idempotency", prefix);
  return async (id, work, { ttl: ownTtl = ttl, payload, signal } = {}) => {
    const key = keyOf(namespace, id);
    checkFunction("work", work);
    checkDuration("ttl", ownTtl);
    signal?.throwIfAborted();
    const fingerprint = await fingerprintOf(payload);
    const ownRecord = encodeRecord({ kind: "running", fingerprint, body: crypto.randomUUID() });
    const report = (type: string, error?: unknown) =>
      emit(onEvent, { pattern: "idempotency", type, prefix, id, error });
    const call: IdempotentCall = {
      redis,
      key,
      ownRecord,
      fingerprint,
      lease,
      wait,
      ttl: ownTtl,
      failures,
      signal,
      report,
    };
    const claimed = await claimRun(call);
    return typeof claimed === "number" ? runWork(call, work, claimed) : unchecked(toResult(claimed));
  };
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
