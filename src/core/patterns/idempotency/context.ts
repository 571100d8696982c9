import type { Redis } from "../../port/redis.ts";

/** One call of an idempotent function. */
export interface IdempotentCall {
  readonly redis: Redis;
  /** The key in Redis. */
  readonly key: string;
  /** The lease and the random name of this run. */
  readonly run: string;
  /** The record that this call stores while its work is running. */
  readonly ownRecord: string;
  readonly fingerprint: string;
  readonly lease: number;
  readonly wait: number;
  readonly ttl: number;
  readonly failures: "retry" | "store";
  readonly signal: AbortSignal | undefined;
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined;
  readonly report: (type: string, error?: unknown) => void;
}
