/** What a pattern reports: one shape for all of them. */
export interface PatternEvent {
  /** Which pattern: `cache`, `limiter`, `lock`, `session`. */
  readonly pattern: string;
  /** What happened, in the pattern's own words: `hit`, `refused`, `lost`. */
  readonly type: string;
  /** The key prefix of the instance that reports. */
  readonly prefix: string;
  /** Which entity, where that is no secret: a cache key, a lock's name. Never a session's token. */
  readonly id?: string | undefined;
  /** How long it took, in milliseconds. */
  readonly duration?: number | undefined;
  /** What went wrong. */
  readonly error?: unknown;
}

/** Receives events as they happen. What it throws is ignored: a metric must not fail a request. */
export type OnEvent = (event: PatternEvent) => void;

/** Reports one event; free when nobody listens. */
export function emit(onEvent: OnEvent | undefined, event: PatternEvent): void {
  try {
    onEvent?.(event);
  } catch {
    // The hook's own fault; OnEvent's doc says so.
  }
}
