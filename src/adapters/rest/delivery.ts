import { ConnectionError, type ReplyError } from "../../core/errors.ts";
import type { Reply } from "../../core/port/redis.ts";
import { jitter } from "../../core/wait/backoff.ts";
import { sleep } from "../../core/wait/sleep.ts";
import type { Path, Post } from "./post.ts";

/** Commands that one caller waits for together. */
export interface Call {
  /** The JSON of the commands, with commas between them. */
  readonly body: string;
  /** How many commands there are. */
  readonly size: number;
  readonly idempotent: boolean | undefined;
  /** Whether the caller waits no more. */
  ended: boolean;
  /** Called when the caller leaves while the request is under way. */
  onEnd?: () => void;
  resolve(replies: (Reply | ReplyError)[]): void;
  reject(error: unknown): void;
}

/** Sends calls as one request and settles them; it never rejects. */
export type Delivery = (calls: readonly Call[]) => Promise<void>;

/** Sends what is still waited for; after a lost reply, once more what may run twice. */
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

/** Tells that the caller of the call waits no more. */
export function endCall(call: Call): void {
  call.ended = true;
  call.onEnd?.();
}

/** A signal for the request that several callers share: one who leaves does not end it for the others. */
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
