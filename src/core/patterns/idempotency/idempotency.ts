import { checkFunction, checkDuration, checkDurationOrZero, checkOneOf, checkPort } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { IdempotencyBusyError, IdempotencyConflictError, IdempotentFailureError } from "./errors.ts";
import { emit, type OnEvent } from "../../event.ts";
import { keyOf, keyPrefix } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { jitter } from "../../wait/backoff.ts";
import { sleep } from "../../wait/sleep.ts";
import { claimRun, freeClaim, storeResult } from "./scripts/run.lua.ts";
import { readRecord, type StoredRecord, writeRecord } from "./format.ts";

/**
 * Runs `work` once per key: the first caller runs it, everybody else gets its stored result as JSON has it, and those who come while it
 * runs wait.
 * @throws What `work` throws; the key is then free, unless failures are stored.
 * @throws {IdempotencyBusyError} The first caller was still at work when the wait ended.
 * @throws {IdempotencyConflictError} The key was used with another payload.
 * @throws {IdempotentFailureError} The stored outcome is a failure.
 * @throws {ConnectionError} Redis was not reached. If that was after the work, its result is lost and the next caller runs it again.
 */
export type Idempotent = <T>(
  key: string,
  work: (run: IdempotentRun) => T | Promise<T>,
  options?: IdempotentOptions,
) => Promise<T>;

/** What the work is told. */
export interface IdempotentRun {
  /** Aborts when the lease of this run is over, after which another caller may run the same work. */
  readonly signal: AbortSignal;
}

/** Options of one call. */
export interface IdempotentOptions {
  /**
   * How long the result is kept, in milliseconds.
   * @default the `ttl` of the factory
   */
  readonly ttl?: number | undefined;
  /**
   * What the key stands for, such as the body of the request. The same key with another payload is refused. Only its SHA-256 is
   * stored.
   */
  readonly payload?: string | undefined;
  /** Ends the wait, and is passed on to the work. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of idempotent calls. */
export interface IdempotencyOptions {
  /** How long a result is kept, in milliseconds: longer than anybody may repeat the call. */
  readonly ttl: number;
  /**
   * How long a run may take, in milliseconds. A run that has crashed blocks its key for so long; one that takes longer may run twice.
   * On Lambda, the function's timeout.
   * @default 30000
   */
  readonly lease?: number | undefined;
  /**
   * How long to wait for the first caller's result, in milliseconds; 0 refuses at once.
   * @default the `lease`
   */
  readonly wait?: number | undefined;
  /**
   * What happens when the work fails: `retry` frees the key for the next call, `store` repeats the failure to it.
   * @default "retry"
   */
  readonly failures?: "retry" | "store" | undefined;
  /**
   * The first part of every key.
   * @default "idempotency"
   */
  readonly prefix?: string | undefined;
  /** Told of `run`, `replayed`, `waited`, `failed`, and of `late`: the lease was over before the result could be stored. */
  readonly onEvent?: OnEvent | undefined;
}

/**
 * Makes handlers idempotent: a webhook or a queue may deliver twice, a client may press twice, the work is done once. Results are
 * stored as JSON. It is at most once while runs end within their lease, and at least once otherwise: after a crash between the
 * work and the storing, the next caller runs it again.
 * @throws {OptionError} An option can never work.
 * @example
 * const idempotent = createIdempotency(redis, { ttl: hours(24) });
 * const receipt = await idempotent(`order:${id}`, ({ signal }) => charge(order, { signal }), { payload: body });
 */
export function createIdempotency(redis: Redis, options: IdempotencyOptions): Idempotent {
  checkPort(redis, options);
  const { ttl, lease = 30_000, wait = lease, failures = "retry", prefix = "idempotency", onEvent } = options;
  checkDuration("ttl", ttl);
  checkDuration("lease", lease);
  checkDurationOrZero("wait", wait);
  checkOneOf("failures", failures, ["retry", "store"]);
  keyPrefix(prefix);
  return async (key, work, { ttl: keep = ttl, payload, signal } = {}) => {
    const record = keyOf(prefix, key);
    checkFunction("work", work);
    checkDuration("ttl", keep);
    signal?.throwIfAborted();
    const fingerprint = await fingerprintOf(payload);
    const running = writeRecord({ kind: "running", fingerprint, body: crypto.randomUUID() });
    const report = (type: string, error?: unknown) =>
      emit(onEvent, { pattern: "idempotency", type, prefix, id: key, error });
    const call: Call = { redis, record, running, fingerprint, lease, wait, keep, failures, signal, report };
    const claimed = await claim(call);
    return typeof claimed === "number" ? run(call, work, claimed) : outcome(claimed);
  };
}

interface Call {
  readonly redis: Redis;
  readonly record: string;
  readonly running: string;
  readonly fingerprint: string;
  readonly lease: number;
  readonly wait: number;
  readonly keep: number;
  readonly failures: "retry" | "store";
  readonly signal: AbortSignal | undefined;
  readonly report: (type: string, error?: unknown) => void;
}

/** Claims the run, and tells when the claim was sent; or waits for the record of somebody else's. */
async function claim(call: Call): Promise<StoredRecord | number> {
  const { redis, record, running, lease, wait, signal, report } = call;
  const start = performance.now();
  for (let attempts = 0; ; attempts += 1) {
    const sentAt = performance.now();
    const claimed = await claimRun(redis, { record, running, lease }, { signal, idempotent: true });
    if (claimed.state === "run") return sentAt;
    const stored = readRecord(claimed.record);
    if (stored.fingerprint !== call.fingerprint) throw new IdempotencyConflictError();
    report(claimed.state === "wait" ? "waited" : "replayed");
    if (claimed.state === "done") return stored;
    const left = wait - (performance.now() - start);
    if (left <= 0) throw new IdempotencyBusyError(claimed.remaining);
    await sleep(Math.min(left, claimed.remaining + 1, jitter(Math.min(1_000, 25 * 1.5 ** attempts))), signal);
  }
}

async function run<T>(call: Call, work: (run: IdempotentRun) => T | Promise<T>, claimedAt: number): Promise<T> {
  const { lease, failures, signal, report } = call;
  report("run");
  const over = AbortSignal.timeout(Math.max(0, Math.floor(claimedAt + lease - performance.now())));
  let result: T;
  let json: string;
  try {
    result = await work({ signal: signal ? AbortSignal.any([signal, over]) : over });
    // Here, so that a result that JSON cannot hold is a failure like any other.
    json = JSON.stringify(result) ?? "";
  } catch (error) {
    report("failed", error);
    // The work's own error comes first, whatever becomes of the record.
    const end = failures === "store" ? store(call, "failure", describe(error)) : free(call);
    await end.catch((error: unknown) => report("late", error));
    throw error;
  }
  await store(call, "result", json);
  return result;
}

async function store(call: Call, kind: "result" | "failure", body: string): Promise<void> {
  const { redis, record, running, keep, fingerprint, report } = call;
  const done = writeRecord({ kind, fingerprint, body });
  const stored = await storeResult(redis, { record, running, done, ttl: keep }, { idempotent: true });
  if (!stored) report("late");
}

async function free({ redis, record, running }: Call): Promise<void> {
  await freeClaim(redis, { record, running }, { idempotent: true });
}

function outcome({ kind, body }: StoredRecord) {
  if (kind === "failure") throw new IdempotentFailureError(body);
  return body === "" ? undefined : JSON.parse(body);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function fingerprintOf(payload: string | undefined): Promise<string> {
  if (payload === undefined) return "";
  if (typeof payload !== "string") throw new OptionError("`payload` must be a string, such as the body of the request");
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(payload));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
