import { ConnectionError, type ReplyError } from "../../core/errors.ts";
import type { Reply } from "../../core/port/redis.ts";
import { jitter } from "../../core/wait/backoff.ts";
import { sleep } from "../../core/wait/sleep.ts";
import type { Path, Post } from "./post.ts";

/** The commands of one caller. */
export interface Call {
  /** The JSON of the commands, with commas between them. */
  readonly body: string;
  /** The number of commands. */
  readonly size: number;
  readonly idempotent: boolean | undefined;
  /** `true` once the caller does not wait any more. */
  ended: boolean;
  /** Called if the caller stops waiting while the request is under way. */
  onEnd?: () => void;
  resolve(replies: (Reply | ReplyError)[]): void;
  reject(error: unknown): void;
}

/** Sends calls as one request and settles them. It never rejects. */
export type Delivery = (calls: readonly Call[]) => Promise<void>;

/** Creates a delivery. After a lost reply it sends the idempotent calls again, at most `resends` times. */
export function createDelivery(post: Post, path: Path, resends = 2): Delivery {
  return async (all) => {
    const calls = all.filter(({ ended }) => !ended);
    if (calls.length === 0) return;
    try {
      const body = calls.map((call) => call.body).join();
      const size = calls.reduce((sum, call) => sum + call.size, 0);
      const replies = await post(path, body, size, sharedSignal(calls));
      for (const { size, resolve } of calls) resolve(replies.splice(0, size));
    } catch (error) {
      const isLost = resends > 0 && error instanceof ConnectionError && error.sent === "unknown";
      const resent = calls.filter(({ idempotent, reject }) => (isLost && idempotent) || reject(error));
      if (resent.length === 0) return;
      await sleep(jitter(200 / resends));
      await createDelivery(post, path, resends - 1)(resent);
    }
  };
}

/** Records that the caller does not wait any more. */
export function endCall(call: Call): void {
  call.ended = true;
  call.onEnd?.();
}

/** The signal of a request that several callers share. It aborts when the last of them has stopped waiting. */
function sharedSignal(calls: readonly Call[]): AbortSignal {
  const controller = new AbortController();
  let waiting = calls.length;
  for (const call of calls) {
    call.onEnd = () => {
      waiting -= 1;
      if (waiting === 0) controller.abort();
    };
  }
  return controller.signal;
}
