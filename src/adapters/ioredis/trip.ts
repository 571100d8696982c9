import { raceDeadline, effectiveTimeout } from "../../core/time/deadline.ts";
import { ConnectionError, RedisPatternsError, ReplyError, type Sent, TimeoutError } from "../../core/errors.ts";
import type { SendOptions } from "../../core/port/redis.ts";
import { type IoredisClient, optionOf, type QueuedCommand } from "./client.ts";
import { connectionFault } from "./fault.ts";

/**
 * Runs one trip to Redis within its deadline. `write` sends the commands and tracks them in `commands`. ioredis keeps a command in its queues
 * until it is answered, and writes it again when the connection comes back. So after the deadline each command becomes a PING in its place.
 */
export async function runTrip<T, R>(
  client: IoredisClient,
  timeout: number,
  options: SendOptions,
  commands: readonly QueuedCommand[],
  write: () => Promise<T>,
  decode: (answer: T) => R,
): Promise<R> {
  const limit = effectiveTimeout(timeout, options);
  const { signal } = options;
  try {
    return decode(await raceDeadline(limit, signal, write));
  } catch (error) {
    commands.forEach(replaceByPing);
    if (signal?.aborted && error === signal.reason) throw error;
    throw toPortError(client, error, commands.some(({ written }) => written) ? "unknown" : false);
  }
}

/** Adds a command to a trip, and records when ioredis writes it to the socket. */
export function trackCommand(command: QueuedCommand, commands: QueuedCommand[]): QueuedCommand {
  commands.push(command);
  command.toWritable = markWritten;
  return command;
}

function markWritten(this: QueuedCommand, socket: object): unknown {
  this.written = true;
  return Object.getPrototypeOf(this).toWritable.call(this, socket);
}

function replaceByPing(command: QueuedCommand): void {
  Object.assign(command, { name: "ping", args: [] });
}

/** Translates an error of ioredis into one of the port. */
export function toPortError(client: IoredisClient, error: unknown, sent: Sent): unknown {
  if (error instanceof TimeoutError && !sent) {
    return new TimeoutError(error.timeout, sent, { cause: connectionFault(client) });
  }
  if (error instanceof RedisPatternsError) return error;
  if (!(error instanceof Error)) return new ConnectionError("Redis was not reached", sent, { cause: error });
  if (error.name === "ReplyError") return toReplyError(error);
  // The error contains the command with its arguments, which do not belong in a log.
  Reflect.deleteProperty(error, "command");
  if (error.message === "Command timed out") {
    return new TimeoutError(Number(optionOf(client, "commandTimeout")), sent, { cause: error });
  }
  const subject = sent ? "The answer of Redis was lost" : "Redis was not reached";
  return new ConnectionError(`${subject}: ${error.message}`, sent, { cause: connectionFault(client) ?? error });
}

/** Translates Redis' refusal. ioredis' own error does not become the cause, since it contains the command with its arguments. */
export function toReplyError(error: Error): ReplyError {
  return new ReplyError(error.message);
}
