import { tickEnd } from "../../core/time/tick.ts";
import type { Call, Delivery } from "./delivery.ts";

/**
 * Collects the calls of one tick, in a Worker also of those that hash something first. A batch never mixes two requests of a Worker,
 * which must not share I/O.
 */
export function batchByTick(deliver: Delivery): Delivery {
  let queue: Call[] = [];
  return async (calls) => {
    const isFirst = queue.length === 0;
    queue.push(...calls);
    // The first of a tick takes the others along.
    if (!isFirst) return;
    await tickEnd();
    const waiting = queue;
    queue = [];
    let batch: Call[] = [];
    let units = 0;
    for (const call of waiting) {
      const weight = call.body.length + 3_000 * call.size;
      units += weight;
      // The service accepts 10 MB in one request. A UTF-16 unit takes at most 3 bytes of UTF-8, and a command counts for 3,000 units
      // more, so that a request also holds at most 1,000 of them.
      if (units > 3_000_000) {
        // One after the other, so that the order holds beyond what one request carries.
        await deliver(batch);
        batch = [];
        units = weight;
      }
      batch.push(call);
    }
    await deliver(batch);
  };
}
