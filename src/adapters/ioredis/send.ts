import { checkOptions } from "../../core/check.ts";
import { ReplyError } from "../../core/errors.ts";
import type { Command, Reply, SendOptions } from "../../core/port/redis.ts";
import { type IoredisBatch, type IoredisClient, normalizeCommand, type QueuedCommand } from "./client.ts";
import { gatherWrites } from "./cork.ts";
import { toReply } from "./replies.ts";
import { runTrip, toReplyError } from "./trip.ts";
import { trackCommand } from "./written.ts";

/** The parts that all calls of one port share. */
export interface IoredisContext {
  readonly client: IoredisClient;
  readonly timeout: number;
  readonly buildCommand: (command: Command, bytes?: boolean) => QueuedCommand;
}

export function sendOne(
  { client, timeout, buildCommand }: IoredisContext,
  command: Command,
  options: SendOptions = {},
): Promise<Reply> {
  const commands: QueuedCommand[] = [];
  const write = () => writeCommand(client, buildCommand(command, options.bytes), commands);
  return runTrip(client, timeout, options, commands, write, (answer) => toReply(command, answer, options.bytes));
}

/** The client's own pipelines cost half as much again as single commands whose writes are gathered. */
export async function sendPipeline(
  { client, timeout, buildCommand }: IoredisContext,
  commands: readonly Command[],
  options: SendOptions = {},
): Promise<(Reply | ReplyError)[]> {
  const { bytes } = checkOptions(options, "{ timeout: 500 }");
  if (commands.length === 0) return [];
  const built = commands.map((command) => [command, buildCommand(command, bytes)] as const);
  const queued: QueuedCommand[] = [];
  const write = () =>
    Promise.all(
      built.map(([command, toSend]) =>
        writeCommand(client, toSend, queued).then((answer) => toReply(command, answer, bytes), catchRefusal),
      ),
    );
  return runTrip(client, timeout, options, queued, write, (replies) => replies);
}

export async function sendTransaction(
  { client, timeout, buildCommand }: IoredisContext,
  commands: readonly Command[],
  options: SendOptions = {},
) {
  const { bytes } = checkOptions(options, "{ timeout: 500 }");
  if (commands.length === 0) return [];
  if (client.isCluster && countSlots(commands.map((command) => buildCommand(command, bytes))) > 1) {
    throw new ReplyError("CROSSSLOT The keys of a transaction must share one hash tag");
  }
  const normalized = commands.map((command) => normalizeCommand(command, bytes));
  const queued: QueuedCommand[] = [];
  const write = () => {
    const transaction = trackBatch(client.multi(), queued);
    for (const [name, args] of normalized) transaction.callBuffer(name, args);
    return transaction.exec().catch(throwQueueingError);
  };
  return runTrip(client, timeout, options, queued, write, (answer) => decodeResults(commands, answer, bytes));
}

/** Sends a command, tracked as one of `commands`. */
function writeCommand(client: IoredisClient, command: QueuedCommand, commands: QueuedCommand[]): Promise<unknown> {
  trackCommand(command, commands);
  gatherWrites(client);
  client.sendCommand(command as never);
  return command.promise;
}

/** An error that Redis answered is a value. Any other makes the whole trip fail. */
function catchRefusal(error: unknown): ReplyError {
  if (error instanceof Error && error.name === "ReplyError") return toReplyError(error);
  throw error;
}

/** The number of slots of the keys. Commands without keys do not count. */
function countSlots(queued: readonly QueuedCommand[]): number {
  return new Set(queued.map((command) => command.getSlot()).filter((slot) => slot !== null)).size;
}

/** Tracks the commands of a batch, but not the EXEC of a transaction: it must end a MULTI that was written. */
function trackBatch(batch: IoredisBatch, commands: QueuedCommand[]): IoredisBatch {
  const { sendCommand } = batch as IoredisBatch & { sendCommand(queued: QueuedCommand): unknown };
  return Object.assign(batch, {
    sendCommand: (queued: QueuedCommand) =>
      sendCommand.call(batch, queued.name === "exec" ? queued : trackCommand(queued, commands)),
  });
}

/** Redis answers EXECABORT. The error of the command that it refused while queueing says why. */
function throwQueueingError(error: unknown): never {
  const earlier: unknown = error instanceof Error ? Reflect.get(error, "previousErrors") : undefined;
  throw (Array.isArray(earlier) && earlier[0]) || error;
}

/** ioredis gives `[error, reply]` for each command. An error that is not an answer of Redis makes the whole trip fail. */
function decodeResults(commands: readonly Command[], results: unknown, bytes?: boolean): (Reply | ReplyError)[] {
  if (!Array.isArray(results)) throw new ReplyError("EXECABORT The transaction was discarded");
  return commands.map((command, i) => {
    const [error, reply]: [unknown, unknown] = results[i] ?? [];
    return error ? catchRefusal(error) : toReply(command, reply, bytes);
  });
}
