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
export function streamBody(
  say: (signal: AbortSignal) => AsyncIterator<string>,
  { maxAge, signals }: BodyLimits,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const encoder = new TextEncoder();
  const left = new AbortController();
  let unwatch = () => {};
  let texts: AsyncIterator<string> | undefined;

  function leave(): void {
    unwatch();
    left.abort();
  }

  function begin(end: () => void): AsyncIterator<string> {
    const timer = startBackgroundTimer(end, maxAge);
    const stays = signals.map((signal) => onAbort(signal ?? undefined, end));
    unwatch = () => {
      clearTimeout(timer);
      for (const stay of stays) stay();
    };
    if (signals.some((signal) => signal?.aborted)) end();
    return say(left.signal);
  }

  return new ReadableStream(
    {
      async pull(controller) {
        texts ??= begin(() => {
          leave();
          controller.close();
        });
        if (left.signal.aborted) return;
        const { done, value } = await texts.next();
        // It may have ended while this one was waited for.
        if (left.signal.aborted) return;
        if (!done) return controller.enqueue(encoder.encode(value));
        leave();
        controller.close();
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  );
}
