/** An event of a pattern. All patterns report events of this shape. */
export interface PatternEvent {
  /** The pattern: `cache`, `limiter`, `lock`, `session`, `idempotency`. */
  readonly pattern: string;
  /** The kind of event. Each pattern has its own: `hit`, `refused`, `lost`. */
  readonly type: string;
  /** The key prefix of the instance that reports. */
  readonly prefix: string;
  /** The cache key, the name of the lock, and so on. It is absent where it would be a secret, such as a session's token. */
  readonly id?: string | undefined;
  /** The duration of the work that the event is about, in milliseconds. */
  readonly duration?: number | undefined;
  /** The error, if the event is a failure. */
  readonly error?: unknown;
}

/** Receives events as they happen. Its errors are ignored, also those of a promise that it returns: a metric must not fail a request. */
export type OnEvent = (event: PatternEvent) => void;

/** Reports one event. It costs nothing without a listener. */
export function emit<E = PatternEvent>(onEvent: ((event: E) => void) | undefined, event: E): void {
  try {
    const returned: unknown = onEvent?.(event);
    if (returned instanceof Promise) returned.catch(() => {});
  } catch {
    // OnEvent promises that its errors are ignored.
  }
}
