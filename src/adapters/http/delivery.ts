import type { ConnectionError } from "../../core/errors.ts";
import { jitter } from "../../core/wait/backoff.ts";
import { startDeadline } from "../../core/time/deadline.ts";
import { sleep } from "../../core/wait/sleep.ts";
import { answerCall, type Call, endCall, type Replies } from "./call.ts";

/** `/multi-exec` runs the commands as one transaction. */
export type Path = "/pipeline" | "/multi-exec";

/**
 * Makes one HTTP request of some commands.
 * @throws {ReplyError} The request was refused as a whole.
 * @throws {ConnectionError} No usable answer came.
 */
export type Post = (path: Path, commands: readonly (readonly string[])[], signal: AbortSignal) => Promise<Replies>;

/** Sends calls as one request and settles them. It never rejects. */
export type Delivery = (calls: readonly Call[]) => Promise<void>;

/**
 * Creates a delivery. After a lost reply it sends the idempotent calls again, at most `resends` times. A request that is silent for half of
 * a call's deadline may be on a connection that is dead: its idempotent calls are sent once more beside it, and the first answer counts.
 */
export function createDelivery(post: Post, path: Path, resends: number, isFirst = true): Delivery {
  return async (all) => {
    const calls = all.filter(({ ended }) => !ended);
    if (calls.length === 0) return;
    const { signal, settle } = shareRequest(calls);
    const repeatable = calls.filter(({ idempotent }) => idempotent);
    const sendBeside = () => void createDelivery(post, path, 0, false)(repeatable);
    const halfway = Math.min(...repeatable.map(({ timeout }) => timeout)) / 2;
    const stop = isFirst && repeatable.length > 0 ? startDeadline(sendBeside, halfway) : undefined;
    try {
      const replies = await post(
        path,
        calls.flatMap(({ commands }) => commands),
        signal,
      );
      settle();
      let at = 0;
      for (const call of calls) answerCall(call, replies.slice(at, (at += call.commands.length)));
    } catch (error) {
      const isLost = resends > 0 && (error as Partial<ConnectionError>).sent === "unknown";
      settle();
      const last = calls.filter(({ ended, requests }) => !ended && requests === 0);
      const failed = last.filter((call) => (isLost && call.idempotent) || endCall(call).reject(error));
      if (failed.length === 0) return;
      await sleep(jitter(200 / resends));
      await createDelivery(post, path, resends - 1, false)(failed);
    } finally {
      stop?.();
    }
  };
}

/** The request of some calls. It ends before its answer when none of them waits for it any more. */
function shareRequest(calls: readonly Call[]) {
  const controller = new AbortController();
  let waiting = calls.length;
  const leave = () => {
    waiting -= 1;
    if (waiting === 0) controller.abort();
  };
  for (const call of calls) {
    const leaveOther = call.leave;
    call.requests += 1;
    call.leave = leaveOther ? both(leaveOther, leave) : leave;
  }
  /** Says that the request has ended. */
  const settle = () => {
    waiting = Infinity;
    for (const call of calls) call.requests -= 1;
  };
  return { signal: controller.signal, settle };
}

function both(first: () => void, second: () => void): () => void {
  return () => {
    first();
    second();
  };
}
