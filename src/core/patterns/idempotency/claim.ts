import { backoff } from "../../wait/backoff.ts";
import { inBackground, mayHaveRun, persist } from "../../wait/persist.ts";
import { sleep } from "../../wait/sleep.ts";
import type { IdempotentCall } from "./context.ts";
import { IdempotencyBusyError, IdempotencyConflictError, IdempotencyOutcomeLostError } from "./errors.ts";
import { decodeRecord, encodeRecord, type IdempotencyRecord, isLost } from "./format.ts";
import { claimRunScript, giveUpClaimScript, type RunState } from "./scripts/run.lua.ts";

/** Claims the run, or waits for the outcome of another caller's. A number is the time at which the claim was sent. */
export async function claimRun(call: IdempotentCall): Promise<IdempotencyRecord | number> {
  const { lease, wait, signal } = call;
  const start = performance.now();
  for (let attempt = 0; ; attempt += 1) {
    const sentAt = performance.now();
    const run = await sendClaim(call);
    // A claim that was granted too late to be of use is sent again, and its lease begins anew.
    if (run.state === "run" && performance.now() - sentAt < lease) return sentAt;
    if (run.state !== "run") checkRecord(call, run);
    if (run.state === "done") return decodeRecord(run.record);
    const remaining = run.state === "wait" ? run.remaining : 0;
    const left = wait - (performance.now() - start);
    if (left <= 0) throw new IdempotencyBusyError(remaining);
    const pause = backoff(attempt, { first: 25, factor: 1.5, most: 1_000 });
    await sleep(Math.min(left, remaining + 1, pause), signal);
  }
}

/** Refuses what this call may neither take nor wait for. */
function checkRecord(call: IdempotentCall, found: Exclude<RunState, { readonly state: "run" }>): void {
  const record = decodeRecord(found.record);
  if (record.fingerprint !== call.fingerprint) throw new IdempotencyConflictError();
  const isOver = found.state === "wait" && isLost(record, found.remaining);
  if (record.kind === "lost" || isOver) throw new IdempotencyOutcomeLostError();
  call.report(found.state === "wait" ? "waited" : "replayed");
}

/** Sends the claim once. If the caller leaves or nobody knows what became of it, what it may have taken is given back. */
async function sendClaim(call: IdempotentCall): Promise<RunState> {
  const { redis, key, ownRecord, lease, signal } = call;
  try {
    const run = await claimRunScript(redis, { key, ownRecord, lease }, { signal, idempotent: true });
    signal?.throwIfAborted();
    return run;
  } catch (error) {
    if (mayHaveRun(error, signal)) giveUp(call);
    throw error;
  }
}

/** Frees the key without holding up the caller. It is tried for as long as the claim could hold the key. */
function giveUp({ redis, key, run, fingerprint, ownRecord, lease, waitUntil, report }: IdempotentCall): void {
  const gone = encodeRecord({ kind: "gone", fingerprint, body: run });
  const send = () => giveUpClaimScript(redis, { key, ownRecord, gone }, { idempotent: true });
  const work = persist(send, Math.min(lease, 10_000)).then(() => {});
  inBackground(waitUntil, work, (error) => report("late", error));
}
