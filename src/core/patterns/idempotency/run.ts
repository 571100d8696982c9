import { onAbort } from "../../abort.ts";
import { startBackgroundTimer } from "../../time/timer.ts";
import { persist } from "../../wait/persist.ts";
import type { IdempotentCall } from "./context.ts";
import { IdempotencyNotStoredError } from "./errors.ts";
import { encodeRecord, encodeResult } from "./format.ts";
import type { IdempotentRun } from "./options.ts";
import { freeKeyScript, loseOutcomeScript, storeOutcomeScript } from "./scripts/run.lua.ts";

/** The time for which an outcome is tried to be stored while Redis is out of reach, in milliseconds. */
const storeFor = 10_000;

/** The time for which a key is tried to be freed, in milliseconds. Its lease frees it in any case. */
const freeFor = 2_000;

/** Runs the work of a call whose claim was sent at `claimedAt`, by `performance.now()`, and stores its outcome. */
export async function runWork<T>(
  call: IdempotentCall,
  work: (run: IdempotentRun) => T | Promise<T>,
  claimedAt: number,
): Promise<T> {
  call.report("run");
  const { signal, end } = startRun(call, claimedAt + call.lease);
  let result: T;
  try {
    result = await work({ signal });
  } catch (error) {
    call.report("failed", error);
    // After an abort a failure says nothing about the work.
    await settleFailure(call, error, call.failures === "store" && !signal.aborted);
    throw error;
  } finally {
    end();
  }
  await storeResult(call, result);
  return result;
}

/** The signal of a run, which ends with the caller's and with the lease, and a function that ends the watch over both. */
function startRun({ signal }: IdempotentCall, leaseEnd: number) {
  const controller = new AbortController();
  const leave = () => controller.abort(signal?.reason);
  const expire = () => {
    const left = leaseEnd - performance.now();
    // A timer may fire a moment early, and one cannot be set for more than 24.8 days.
    if (left > 0) timer = startBackgroundTimer(expire, Math.ceil(left));
    else controller.abort(new DOMException("The lease of this run is over; raise `lease`", "TimeoutError"));
  };
  let timer = startBackgroundTimer(expire, Math.max(0, leaseEnd - performance.now()));
  const stay = onAbort(signal, leave);
  if (signal?.aborted) leave();
  const end = () => {
    clearTimeout(timer);
    stay();
  };
  return { signal: controller.signal, end };
}

/** @throws {IdempotencyNotStoredError} The result could not be stored. The key tells so to later calls. */
async function storeResult(call: IdempotentCall, result: unknown): Promise<void> {
  try {
    await storeOutcome(call, "result", encodeResult(result));
  } catch (cause) {
    const error = new IdempotencyNotStoredError(result, await markAsLost(call), { cause });
    call.report("not-stored", error);
    throw error;
  }
}

/** Stores a failure or frees the key. The caller gets the work's own error, even if this fails. */
async function settleFailure(call: IdempotentCall, error: unknown, keep: boolean): Promise<void> {
  const { redis, key, ownRecord } = call;
  try {
    if (keep) await storeOutcome(call, "failure", errorMessage(error));
    else await persist(() => freeKeyScript(redis, { key, ownRecord }, { idempotent: true }), freeFor);
  } catch (cause) {
    if (keep) await markAsLost(call);
    call.report(keep ? "not-stored" : "late", cause);
  }
}

async function storeOutcome(call: IdempotentCall, kind: "result" | "failure", body: string): Promise<void> {
  const { redis, key, ownRecord, ttl, fingerprint, report } = call;
  const outcome = encodeRecord({ kind, fingerprint, body });
  // Without the signal: the work has run, and an abort must not lose its outcome.
  const send = () => storeOutcomeScript(redis, { key, ownRecord, outcome, ttl }, { idempotent: true });
  if (!(await persist(send, storeFor))) report("late");
}

/** Says under the key that the work ran. Returns false if Redis does not take even that. */
async function markAsLost({
  redis,
  key,
  ownRecord,
  lease,
  ttl,
  fingerprint,
  report,
}: IdempotentCall): Promise<boolean> {
  const lost = encodeRecord({ kind: "lost", fingerprint, body: "" });
  try {
    return await loseOutcomeScript(redis, { key, ownRecord, lost, lease, ttl }, { idempotent: true });
  } catch (error) {
    report("late", error);
    return false;
  }
}

/** The message of what the work threw, which may be anything. */
function errorMessage(error: unknown): string {
  try {
    return String(Reflect.get(Object(error), "message") ?? error);
  } catch {
    return "The work failed with something that has no text";
  }
}
