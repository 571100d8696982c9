import type { ConnectionError } from "../../core/errors.ts";
import { jitter } from "../../core/wait/backoff.ts";
import { sleep } from "../../core/wait/sleep.ts";
import { type Call, endCall } from "./call.ts";
import type { Path, Post } from "./post.ts";

/** Sends calls as one request and settles them. It never rejects. */
export type Delivery = (calls: readonly Call[]) => Promise<void>;

/** Creates a delivery. After a lost reply it sends the idempotent calls again, at most `resends` times. */
export function createDelivery(post: Post, path: Path, resends = 2): Delivery {
  return async (all) => {
    const calls = all.filter(({ ended }) => !ended);
    if (calls.length === 0) return;
    const commands = calls.flatMap(({ commands }) => commands);
    const controller = new AbortController();
    let waiting = calls.length;
    // One who leaves does not end the request for the others.
    const leave = () => {
      waiting -= 1;
      if (waiting === 0) controller.abort();
    };
    for (const call of calls) call.leave = leave;
    try {
      const replies = await post(path, commands, controller.signal);
      let at = 0;
      for (const call of calls) endCall(call).resolve(replies.slice(at, (at += call.commands.length)));
    } catch (error) {
      const isLost = resends > 0 && (error as Partial<ConnectionError>).sent === "unknown";
      const resent = calls.filter((call) => (isLost && call.idempotent) || endCall(call).reject(error));
      if (resent.length === 0) return;
      await sleep(jitter(200 / resends));
      await createDelivery(post, path, resends - 1)(resent);
    }
  };
}
