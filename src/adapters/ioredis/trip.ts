import { codeOf, isReplyError } from "../../core/failure.ts";
import { raceDeadline, effectiveTimeout } from "../../core/time/deadline.ts";
import { ConnectionError, ReplyError, type Sent, TimeoutError } from "../../core/errors.ts";
import type { SendOptions } from "../../core/port/redis.ts";
import { type IoredisClient, optionOf, type QueuedCommand } from "./client.ts";
import { connectionFault, recentRefusal } from "./fault.ts";
import { endSilence, leaveSilence, loseIfClosed, replaceByPing } from "./written.ts";

/**
 * Runs one trip to Redis within its deadline. `write` sends the commands and tracks them in `commands`. ioredis keeps a command in its queues
 * until it is answered, and writes it again when the connection comes back. So after the deadline each command becomes a PING in its place,
 * and a command that is not idempotent becomes one as soon as the connection is lost that it was written to.
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
  const { signal, idempotent } = options;
  try {
    const answer = idempotent
      ? raceDeadline(limit, signal, write, { halfway: () => endSilence(client, commands) })
      : raceDeadline(limit, signal, (fail) => loseIfClosed(commands, client.isCluster, write, fail));
    return decode(await answer);
  } catch (error) {
    commands.forEach(replaceByPing);
    if (codeOf(error) === "TIMEOUT") await leaveSilence(client, commands);
    if (signal?.aborted && error === signal.reason) throw error;
    throw toPortError(client, error, commands.some(({ writing }) => writing) ? "unknown" : false);
  }
}

/** Translates an error of ioredis into one of the port. */
export function toPortError(client: IoredisClient, error: unknown, sent: Sent): unknown {
  if (isTimeoutError(error)) return toLateError(client, error, sent);
  if (isReplyError(error) || /^(OPTION|CONNECTION|TIMEOUT)$/.test(codeOf(error))) return error;
  if (!(error instanceof Error)) return new ConnectionError("Redis was not reached", sent, { cause: error });
  if (error.name === "ReplyError") return toReplyError(error);
  // The error contains the command with its arguments, which do not belong in a log.
  Reflect.deleteProperty(error, "command");
  if (error.message === "Command timed out") {
    return new TimeoutError(Number(optionOf(client, "commandTimeout")), sent, { cause: error });
  }
  const cause = connectionFault(client) ?? error;
  const refusal = sent ? undefined : refusalAtTheDoor(client, reasonOf(cause));
  if (refusal) return refusal;
  const subject = sent ? "The answer of Redis was lost" : "Redis was not reached";
  return new ConnectionError(`${subject}: ${reasonOf(cause) || error.message}`, sent, { cause });
}

function isTimeoutError(error: unknown): error is TimeoutError {
  return codeOf(error) === "TIMEOUT";
}

/** Where Redis lets nobody in, nothing is late or lost: that is its answer. */
function refusalAtTheDoor(client: IoredisClient, reason: string): ReplyError | undefined {
  const isRefusal = client.status !== "ready" && /^(NOAUTH|WRONGPASS|NOPERM)/.test(reason);
  return isRefusal ? new ReplyError(reason) : undefined;
}

/** Says why a deadline has passed, if that is known. */
function toLateError(client: IoredisClient, error: TimeoutError, sent: Sent): Error {
  const { timeout } = error;
  const cause = recentRefusal(client, timeout) ?? (sent ? undefined : connectionFault(client));
  const reason = reasonOf(cause);
  const refusal = sent ? undefined : refusalAtTheDoor(client, reason);
  if (refusal) return refusal;
  const late = new TimeoutError(timeout, sent, { cause });
  if (reason) late.message += `: ${reason}`;
  return late;
}

/** The message of a fault, or its code: an address with several sides gives an error without a message. */
function reasonOf(fault: unknown): string {
  return fault instanceof Error ? fault.message || codeOf(fault) : "";
}

/**
 * Translates Redis' refusal. ioredis' own error does not become the cause, since it contains the command with its arguments. Of a client that
 * has not logged in, Redis does not even read a long command, and says so in its own way.
 */
export function toReplyError(error: Error): ReplyError {
  return new ReplyError(error.message.replace(/^ERR(?= Protocol error: unauthenticated)/, "NOAUTH"));
}
