import { tickEnd } from "../../core/time/tick.ts";
import type { Call, Delivery } from "./delivery.ts";

/**
 * Collects the calls of one tick into batches, also calls that hash something first. A batch never has calls of two requests of a Worker,
 * since these must not share I/O.
 */
export function batchByTick(deliver: Delivery): Delivery {
  let queue: Call[] = [];
  return async (calls) => {
    const isFirst = queue.length === 0;
    queue.push(...calls);
    // The first call of a tick delivers the others, too.
    if (!isFirst) return;
    await tickEnd();
    const waiting = queue;
    queue = [];
    let batch: Call[] = [];
    let units = 0;
    for (const call of waiting) {
      const weight = call.body.length + 3_000 * call.size;
      units += weight;
      // The service accepts 10 MB in one request, and a UTF-16 unit takes at most 3 bytes of UTF-8. A command counts for 3,000 units
      // more, so that a request has at most 1,000 commands.
      if (units > 3_000_000) {
        // One request after the other, so that the calls keep their order.
        await deliver(batch);
        batch = [];
        units = weight;
      }
      batch.push(call);
    }
    await deliver(batch);
  };
}
