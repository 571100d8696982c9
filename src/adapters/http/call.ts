import { type ReplyError, TimeoutError } from "../../core/errors.ts";
import type { Reply } from "../../core/port/redis.ts";
import { startDeadline } from "../../core/time/deadline.ts";

/** The replies to some commands, in their order. */
export type Replies = (Reply | ReplyError)[];

/** The commands of one caller, who waits for their replies. */
export interface Call {
  readonly commands: readonly (readonly string[])[];
  readonly idempotent: boolean | undefined;
  readonly timeout: number;
  readonly resolve: (replies: Replies) => void;
  readonly reject: (reason: unknown) => void;
  /** `true` once the caller does not wait any more. */
  ended: boolean;
  /** Makes the signal of the caller forget the call. */
  readonly stay: (() => void) | undefined;
  /** The number of requests under way that may answer it. */
  requests: number;
  /** Called when the call is over, for requests that are still under way. */
  leave: (() => void) | undefined;
}

/** Records that the caller does not wait any more, for the caller is told now. */
export function endCall(call: Call): Call {
  call.ended = true;
  call.stay?.();
  call.leave?.();
  return call;
}

/** Gives a caller its replies, unless another request did so. */
export function answerCall(call: Call, replies: Replies): void {
  if (!call.ended) endCall(call).resolve(replies);
}

/** Ends the wait of a caller before there is an answer. */
export function leaveCall(call: Call, reason: unknown): void {
  if (call.ended) return;
  endCall(call).reject(reason);
}

/** Starts the deadlines of calls that are made together: one timer for each length. Returns functions that take them back. */
export function startDeadlines(calls: readonly Call[]): (() => void)[] {
  const timeouts = [...new Set(calls.map(({ timeout }) => timeout))];
  return timeouts.map((timeout) =>
    startDeadline(() => {
      for (const call of calls) if (call.timeout === timeout) leaveCall(call, new TimeoutError(timeout));
    }, timeout),
  );
}
