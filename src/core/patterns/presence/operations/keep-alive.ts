import { checkDuration, checkOptions } from "../../../check.ts";
import { onAbort } from "../../../abort.ts";
import { longestDelay, startBackgroundTimer } from "../../../time/timer.ts";
import { jitter } from "../../../wait/backoff.ts";
import type { PresenceVisit } from "../options.ts";
import { report } from "../context.ts";
import { insideVisit } from "../visit.ts";

/** Options of `keepAlive`. */
export interface KeepAliveOptions {
  /**
   * The time between two extensions, in milliseconds. More than half of the `ttl` counts as half.
   * @default a third of the `ttl`, so that two extensions may fail before the visit ends
   */
  readonly every?: number | undefined;
  /** Ends the extensions. The visit then ends with its `ttl`, unless it is left. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Extends a visit again and again until it is left: for a server that holds the member's connection. A failed extension is reported to `onEvent`
 * as `extend-failed` and tried again. A function that is frozen between requests calls `extend` in each request instead.
 * @returns A function that ends the extensions. It may be called twice.
 * @throws {OptionError} An option can never work, or the object is no visit.
 * @example
 * const online = createPresence(redis, { prefix: "online", ttl: seconds(30) });
 * const visit = await online.join("room:7", "ada");
 * const stop = keepAlive(visit, { signal: shutdown });
 */
export function keepAlive(visit: PresenceVisit, options?: KeepAliveOptions): () => void {
  const { context, hasLeft } = insideVisit(visit);
  const { every, signal } = checkOptions(options, "{ every: 10_000 }") ?? {};
  const { ttl } = context;
  const period = Math.min(every === undefined ? ttl / 3 : checkDuration("every", every), ttl / 2);
  let isOver = signal?.aborted === true;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = () => {
    isOver = true;
    clearTimeout(timer);
    stay();
  };
  const stay = onAbort(signal, () => stop());
  const wait = (ms: number) => {
    if (!isOver) timer = startBackgroundTimer(() => void beat(), ms);
  };
  const beat = async () => {
    if (hasLeft()) return stop();
    try {
      // An answer that takes longer is not waited for, so that it cannot hold up the next attempt.
      await visit.extend({ signal: AbortSignal.timeout(Math.min(Math.ceil(period), longestDelay)) });
      wait(period);
    } catch (error) {
      if (isOver || hasLeft()) return stop();
      report(context, "extend-failed", visit.room, error);
      wait(jitter(period / 4));
    }
  };
  wait(period);
  return stop;
}
