import { startDeadline } from "../../core/time/deadline.ts";

/** Waits for the silence of a stream. */
export interface SilenceWatch {
  /** Records that something was heard. */
  heard(): void;
  stop(): void;
}

/**
 * Calls back once, when nothing was heard for `limit` milliseconds. It has one timer, whatever is heard.
 * @param look Called now and then while something is heard.
 */
export function watchSilence(limit: number, onSilence: () => void, look: () => void): SilenceWatch {
  let last = performance.now();
  const judge = () => {
    const left = last + limit - performance.now();
    if (left <= 0) return onSilence();
    stop = startDeadline(judge, left);
    look();
  };
  let stop = startDeadline(judge, limit);
  return {
    heard() {
      last = performance.now();
    },
    stop: () => stop(),
  };
}
