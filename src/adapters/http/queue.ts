import { tickEnd } from "../../core/time/tick.ts";
import { type Call, startDeadlines } from "./call.ts";
import type { Delivery } from "./delivery.ts";

/**
 * Creates a function that sends calls. With `batch`, those of one tick are sent together, also calls that hash something first. A batch
 * never has calls of two requests of a Worker, since these must share neither I/O nor timers.
 */
export function createQueue(deliver: Delivery, batch = false): (call: Call) => void {
  const queue: Call[] = [];
  const flush = async () => {
    if (batch) await tickEnd();
    const calls = queue.splice(0);
    const stops = startDeadlines(calls);
    const together: Call[] = [];
    let units = 0;
    for (const call of calls) {
      units += weigh(call);
      if (units > maxUnits) {
        // One request after the other, so that the calls keep their order.
        await deliver(together.splice(0));
        units = weigh(call);
      }
      together.push(call);
    }
    await deliver(together);
    for (const stop of stops) stop();
  };
  return (call) => {
    // The first call of a tick sends the others, too.
    if (queue.push(call) === 1) void flush();
  };
}

/** The service accepts 10 MB in one request. In JSON, a UTF-16 unit takes at most 6 bytes, and an argument 3 bytes more. */
const maxUnits = 1_600_000;

/** The UTF-16 units of a call. A command counts for 1,600 more, so that a request has at most 1,000 commands. */
function weigh({ commands }: Call): number {
  let units = 1_600 * commands.length;
  for (const command of commands) for (const word of command) units += word.length + 1;
  return units;
}
