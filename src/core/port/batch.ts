import type { ReplyError } from "../errors.ts";
import { isReplyError } from "../failure.ts";
import type { Command, Redis, Reply, SendOptions } from "./redis.ts";

interface QueuedCommand {
  readonly command: Command;
  readonly options: SendOptions | undefined;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (reason: unknown) => void;
}

/** The most commands of one trip. */
const maxCommands = 500;

/**
 * Creates a port that collects commands and sends them in one trip, so that many scripts take as long as one. It sends once it has the
 * expected number of commands, and at the latest with the next turn of the event loop.
 */
export function batchingPort(redis: Redis, expected: number): Redis {
  if (expected < 2) return redis;
  let queue: QueuedCommand[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    const queued = queue;
    queue = [];
    if (queued.length > 0) void sendQueued(redis, queued);
  };
  return {
    scriptHeader: redis.scriptHeader,
    pipeline: (commands, options) => redis.pipeline(commands, options),
    send: (command, options) =>
      new Promise((resolve, reject) => {
        queue.push({ command, options, resolve, reject });
        timer ??= setTimeout(flush, 0);
        if (queue.length >= Math.min(expected, maxCommands)) flush();
      }),
  };
}

async function sendQueued(redis: Redis, sent: readonly QueuedCommand[]): Promise<void> {
  try {
    const commands = sent.map(({ command }) => command);
    const replies = await redis.pipeline(commands, sent[0]?.options);
    for (const [i, one] of sent.entries()) settle(one, replies[i] ?? null);
  } catch (error) {
    for (const { reject } of sent) reject(error);
  }
}

function settle({ resolve, reject }: QueuedCommand, reply: Reply | ReplyError): void {
  if (isReplyError(reply)) reject(reply);
  else resolve(reply);
}
