import type { IdempotentCall } from "./context.ts";
import { encodeRecord, encodeResult } from "./format.ts";
import type { IdempotentRun } from "./options.ts";
import { freeKeyScript, storeOutcomeScript } from "./scripts/run.lua.ts";

/** Runs the work of a call whose claim was sent at `claimedAt`, by `performance.now()`, and stores its outcome. */
export async function runWork<T>(
  call: IdempotentCall,
  work: (run: IdempotentRun) => T | Promise<T>,
  claimedAt: number,
): Promise<T> {
  const { lease, failures, signal, report } = call;
  report("run");
  const leaseEnd = AbortSignal.timeout(Math.max(0, Math.floor(claimedAt + lease - performance.now())));
  let result: T;
  let body: string;
  try {
    result = await work({ signal: signal ? AbortSignal.any([signal, leaseEnd]) : leaseEnd });
    // Inside the `try`: a result that JSON cannot hold is a failure like any other.
    body = encodeResult(result);
  } catch (error) {
    report("failed", error);
    // The caller gets the work's own error, even if the record cannot be written.
    const cleanup = failures === "store" ? storeOutcome(call, "failure", errorMessage(error)) : freeKey(call);
    await cleanup.catch((cleanupError: unknown) => report("late", cleanupError));
    throw error;
  }
  await storeOutcome(call, "result", body);
  return result;
}

async function storeOutcome(call: IdempotentCall, kind: "result" | "failure", body: string): Promise<void> {
  const { redis, key, ownRecord, ttl, fingerprint, report } = call;
  const outcome = encodeRecord({ kind, fingerprint, body });
  // Without the signal: the work has run, and an abort must not lose its outcome.
  const stored = await storeOutcomeScript(redis, { key, ownRecord, outcome, ttl }, { idempotent: true });
  if (!stored) report("late");
}

async function freeKey({ redis, key, ownRecord }: IdempotentCall): Promise<void> {
  await freeKeyScript(redis, { key, ownRecord }, { idempotent: true });
}

function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
