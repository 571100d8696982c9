import { backoff } from "../../wait/backoff.ts";
import { sleep } from "../../wait/sleep.ts";
import type { IdempotentCall } from "./context.ts";
import { IdempotencyBusyError, IdempotencyConflictError } from "./errors.ts";
import { decodeRecord, type IdempotencyRecord } from "./format.ts";
import { claimRunScript } from "./scripts/run.lua.ts";

/** Claims the run, or waits for the outcome of another caller's. A number is the time at which the claim was sent. */
export async function claimRun(call: IdempotentCall): Promise<IdempotencyRecord | number> {
  const { redis, key, ownRecord, lease, wait, signal, report } = call;
  const start = performance.now();
  for (let attempt = 0; ; attempt += 1) {
    const sentAt = performance.now();
    const run = await claimRunScript(redis, { key, ownRecord, lease }, { signal, idempotent: true });
    if (run.state === "run") return sentAt;
    const record = decodeRecord(run.record);
    if (record.fingerprint !== call.fingerprint) throw new IdempotencyConflictError();
    report(run.state === "wait" ? "waited" : "replayed");
    if (run.state === "done") return record;
    const left = wait - (performance.now() - start);
    if (left <= 0) throw new IdempotencyBusyError(run.remaining);
    const pause = backoff(attempt, { first: 25, factor: 1.5, most: 1_000 });
    await sleep(Math.min(left, run.remaining + 1, pause), signal);
  }
}
