import { onAbort } from "../../../abort.ts";
import { startBackgroundTimer } from "../../../time/timer.ts";

/** When a body ends, besides its own end. */
export interface BodyLimits {
  /** In milliseconds, from the first read. */
  readonly maxAge: number;
  readonly signals: readonly (AbortSignal | null | undefined)[];
}

/**
 * Makes the body of a response that says one text after the other. Nothing runs before it is read, so that the answer to a HEAD costs
 * nothing, and the next text is asked for when the last one was taken, so that a slow reader holds up nothing but itself. `say` gets a signal that
 * aborts when the reader has left or a limit is reached.
 */
export function streamBody(say: Say, limits: BodyLimits): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream(createSource(say, limits), { highWaterMark: 0 });
}

type Say = (signal: AbortSignal) => AsyncIterator<string>;

function createSource(say: Say, limits: BodyLimits): UnderlyingDefaultSource<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const left = new AbortController();
  let unwatch = () => {};
  let texts: AsyncIterator<string> | undefined;
  const leave = () => {
    unwatch();
    left.abort();
  };
  return {
    async pull(controller) {
      const close = () => {
        leave();
        controller.close();
      };
      if (!texts) unwatch = watch(limits, close);
      if (limits.signals.some((signal) => signal?.aborted)) return close();
      texts ??= say(left.signal);
      const { done, value } = await texts.next();
      // It may have ended while this one was waited for.
      if (left.signal.aborted) return;
      if (done) close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel: leave,
  };
}

/** Calls `end` when a limit is reached. Returns a function that takes this back. */
function watch({ maxAge, signals }: BodyLimits, end: () => void): () => void {
  const timer = startBackgroundTimer(end, maxAge);
  const stays = signals.map((signal) => onAbort(signal ?? undefined, end));
  return () => {
    clearTimeout(timer);
    for (const stay of stays) stay();
  };
}
