import { patiently, shorter } from "../../core/deadline.ts";
import { ConnectionError, RedisPatternsError, ReplyError, type Sent, TimeoutError } from "../../core/errors.ts";
import type { SendOptions } from "../../core/redis.ts";
import { type IoredisClient, optionOf, type QueuedCommand } from "./client.ts";
import { connectionFault } from "./fault.ts";

/** Follows one command of a trip from ioredis' queue to the socket. */
export type Track = (queued: QueuedCommand) => QueuedCommand;

/**
 * Runs one trip to Redis within its deadline. ioredis keeps a command in its queues until it is answered, and writes it whenever
 * the connection comes back; so what the caller gave up becomes a PING where it stands.
 */
export async function trip<T>(
  client: IoredisClient,
  timeout: number,
  options: SendOptions,
  go: (track: Track) => Promise<T>,
): Promise<T> {
  const queued: QueuedCommand[] = [];
  let sent: Sent = false;
  const track: Track = (command) => {
    const { toWritable } = command;
    command.toWritable = (socket) => {
      sent = "unknown";
      return toWritable.call(command, socket);
    };
    queued.push(command);
    return command;
  };
  const work = () => go(track).catch((error: unknown) => Promise.reject(failure(client, error, sent)));
  try {
    return await patiently(shorter(timeout, options), options.signal, work);
  } catch (error) {
    queued.forEach(defuse);
    if (options.signal?.aborted || sent || !(error instanceof TimeoutError)) throw error;
    throw new TimeoutError(error.timeout, false, { cause: connectionFault(client) });
  }
}

function defuse(command: QueuedCommand): void {
  Object.assign(command, { name: "ping", args: [] });
}

/** What ioredis says, in the words of the port. */
export function failure(client: IoredisClient, error: unknown, sent: Sent): unknown {
  if (error instanceof RedisPatternsError) return error;
  if (!(error instanceof Error)) return new ConnectionError("Redis was not reached", sent, { cause: error });
  if (error.name === "ReplyError") return replyError(error);
  // It carries the command with its arguments, which do not belong in a log.
  Reflect.deleteProperty(error, "command");
  if (error.message === "Command timed out") {
    return new TimeoutError(Number(optionOf(client, "commandTimeout")), sent, { cause: error });
  }
  const subject = sent ? "The answer of Redis was lost" : "Redis was not reached";
  return new ConnectionError(`${subject}: ${error.message}`, sent, { cause: connectionFault(client) ?? error });
}

/** Redis' refusal. ioredis' own error is no cause of it: it holds the command with its arguments. */
export function replyError(error: Error): ReplyError {
  return new ReplyError(error.message);
}
