import { onAbort } from "../../core/abort.ts";
import { ReplyError } from "../../core/errors.ts";
import { argText } from "../../core/port/arg.ts";
import type { Command, Redis, SendOptions } from "../../core/port/redis.ts";
import { orThrow } from "../../core/port/reply.ts";
import { effectiveTimeout } from "../../core/time/deadline.ts";
import { type Call, leaveCall, type Replies } from "./call.ts";
import { createDelivery, type Post } from "./delivery.ts";
import { createQueue } from "./queue.ts";

/**
 * Creates a port of what makes one request in the Upstash REST protocol.
 * @param timeout The deadline of every call, in milliseconds.
 * @param batch Whether the calls of one tick leave as one request.
 * @param resends How often idempotent calls are sent again after a lost reply.
 */
export function createHttpPort(post: Post, timeout: number, batch: boolean, resends: number): Redis {
  const sendPipeline = createQueue(createDelivery(post, "/pipeline", resends), batch);
  const sendTransaction = createQueue(createDelivery(post, "/multi-exec", resends));

  const runCall = (send: typeof sendPipeline, commands: readonly Command[], options: SendOptions = {}) =>
    new Promise<Replies>((resolve, reject) => {
      const limit = effectiveTimeout(timeout, options);
      const { signal, idempotent } = options;
      if (signal?.aborted) return reject(signal.reason);
      if (commands.length === 0) return resolve([]);
      const words = commands.map(toWords);
      const stay = signal && onAbort(signal, () => leaveCall(call, signal.reason));
      const call: Call = {
        commands: words,
        idempotent,
        timeout: limit,
        resolve,
        reject,
        stay,
        ended: false,
        requests: 0,
        leave: undefined,
      };
      send(call);
    });

  return {
    scriptHeader: "#!lua flags=allow-key-locking",
    distant: true,
    timeout,
    send: (command, options) =>
      runCall(sendPipeline, [command], options).then((replies) => orThrow(replies[0] ?? null)),
    pipeline: (commands, options) =>
      runCall(sendPipeline, commands, options).catch((error: unknown) => {
        if (error instanceof ReplyError) return commands.map(() => error);
        throw error;
      }),
    transaction: (commands, options) => runCall(sendTransaction, commands, options),
  };
}

/** Anything but a string or a number is refused here, before a request is put together. */
function toWords(command: Command): string[] {
  return command.map(argText);
}
