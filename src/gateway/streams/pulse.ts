import { startBackgroundTimer } from "../../core/time/timer.ts";
import { heartbeatFrame } from "./frames.ts";
import type { Outbox } from "./outbox.ts";

/** Sends a sign of life to all streams, by one timer, which runs while there is a stream. */
export function createPulse(heartbeat: number) {
  const open = new Set<Outbox>();
  let timer: ReturnType<typeof startBackgroundTimer> | undefined;
  const beat = () => {
    timer = startBackgroundTimer(beat, heartbeat);
    // A reader that lags behind has enough to read.
    for (const outbox of open) if (outbox.isEmpty) outbox.push(heartbeatFrame);
  };
  return {
    add(outbox: Outbox): void {
      open.add(outbox);
      timer ??= startBackgroundTimer(beat, heartbeat);
    },
    remove(outbox: Outbox): void {
      if (!open.delete(outbox) || open.size > 0) return;
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
