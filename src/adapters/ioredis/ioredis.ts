import { checkDuration } from "../../core/check.ts";
import { ReplyError } from "../../core/errors.ts";
import type { Command, Redis, Reply, SendOptions } from "../../core/port/redis.ts";
import {
  checkClient,
  checkReads,
  createCommandBuilder,
  type IoredisBatch,
  type IoredisClient,
  type QueuedCommand,
  normalizeCommand,
} from "./client.ts";
import { gatherWrites } from "./cork.ts";
import { watchFaults } from "./fault.ts";
import { toReply } from "./replies.ts";
import { toReplyError, trackCommand, runTrip } from "./trip.ts";

/** Options of the adapter. */
export interface IoredisOptions {
  /**
   * The deadline of every call, in milliseconds.
   * @default 2000
   */
  readonly timeout?: number;
}

/**
 * Runs the patterns over an ioredis client, version 5 or 6, `Redis` or `Cluster`. The caller made the client, listens to its
 * `error` event and closes it. Replies have the shapes of RESP2 whatever the client's protocol and reply mapping; integers beyond
 * 2^53 are text, and exact only if the client was made with `stringNumbers: true`.
 * @throws {OptionError} The client is of another kind, or a Cluster that reads from replicas.
 * @example
 * const client = new Redis(env.REDIS_URL, server);
 * client.on("error", (error) => log.warn(error));
 * const cache = createCache(ioredis(client), { prefix: "user", ttl: minutes(5) });
 */
export function ioredis(client: IoredisClient, { timeout = 2_000 }: IoredisOptions = {}): Redis {
  checkReads(checkClient(client));
  const context: IoredisContext = {
    client,
    timeout: checkDuration("timeout", timeout),
    buildCommand: createCommandBuilder(client),
  };
  const send: Redis["send"] = (command, options) => sendOne(context, command, options);
  const transaction: Redis["transaction"] = (commands, options) => sendTransaction(context, commands, options);
  watchFaults(client);
  const { nodes } = client;
  if (!client.isCluster || !nodes) {
    return { send, transaction, pipeline: (commands, options) => sendPipeline(context, commands, options) };
  }
  return {
    send,
    transaction,
    pipeline: (commands, options) =>
      Promise.all(commands.map((command) => sendOne(context, command, options).catch(catchRefusal))),
    async masters() {
      if (client.status !== "ready") await send(["PING"]);
      return nodes.call(client, "master").map((master) => ioredis(master, { timeout }));
    },
  };
}

interface IoredisContext {
  readonly client: IoredisClient;
  readonly timeout: number;
  readonly buildCommand: (command: Command) => QueuedCommand;
}

function sendOne(
  { client, timeout, buildCommand }: IoredisContext,
  command: Command,
  options: SendOptions = {},
): Promise<Reply> {
  const commands: QueuedCommand[] = [];
  const write = () => {
    const queued = trackCommand(buildCommand(command), commands);
    gatherWrites(client);
    client.sendCommand(queued as never);
    return queued.promise;
  };
  return runTrip(client, timeout, options, commands, write, (answer) => toReply(command, answer));
}

async function sendPipeline(
  { client, timeout }: IoredisContext,
  commands: readonly Command[],
  options: SendOptions = {},
) {
  if (commands.length === 0) return [];
  const normalized = commands.map(normalizeCommand);
  const queued: QueuedCommand[] = [];
  const write = () => {
    const pipeline = trackBatch(client.pipeline(), queued);
    for (const [name, args] of normalized) pipeline.callBuffer(name, args);
    return pipeline.exec();
  };
  return runTrip(client, timeout, options, queued, write, (answer) => decodeResults(commands, answer));
}

async function sendTransaction(
  { client, timeout, buildCommand }: IoredisContext,
  commands: readonly Command[],
  options: SendOptions = {},
) {
  if (commands.length === 0) return [];
  if (client.isCluster && countSlots(commands.map(buildCommand)) > 1) {
    throw new ReplyError("CROSSSLOT The keys of a transaction must share one hash tag");
  }
  const normalized = commands.map(normalizeCommand);
  const queued: QueuedCommand[] = [];
  const write = () => {
    const transaction = trackBatch(client.multi(), queued);
    for (const [name, args] of normalized) transaction.callBuffer(name, args);
    return transaction.exec().catch(throwQueueingError);
  };
  return runTrip(client, timeout, options, queued, write, (answer) => decodeResults(commands, answer));
}

/** How many slots the commands with keys need. */
function countSlots(queued: readonly QueuedCommand[]): number {
  return new Set(queued.map((command) => command.getSlot()).filter((slot) => slot !== null)).size;
}

/** Tracks what goes into a batch, but not the EXEC of a transaction: a MULTI that is sent must be ended. */
function trackBatch(batch: IoredisBatch, commands: QueuedCommand[]): IoredisBatch {
  const { sendCommand } = batch as IoredisBatch & { sendCommand(queued: QueuedCommand): unknown };
  return Object.assign(batch, {
    sendCommand: (queued: QueuedCommand) =>
      sendCommand.call(batch, queued.name === "exec" ? queued : trackCommand(queued, commands)),
  });
}

/** Redis says EXECABORT; what it refused while queueing says why. */
function throwQueueingError(error: unknown): never {
  const earlier: unknown = error instanceof Error ? Reflect.get(error, "previousErrors") : undefined;
  throw (Array.isArray(earlier) && earlier[0]) || error;
}

/** ioredis gives `[error, reply]` for each command. An error that Redis did not utter fails the whole trip. */
function decodeResults(commands: readonly Command[], results: unknown): (Reply | ReplyError)[] {
  if (!Array.isArray(results)) throw new ReplyError("EXECABORT The transaction was discarded");
  return commands.map((command, i) => {
    const [error, reply]: [unknown, unknown] = results[i] ?? [];
    if (error instanceof Error && error.name === "ReplyError") return toReplyError(error);
    if (error) throw error;
    return toReply(command, reply);
  });
}

function catchRefusal(error: unknown): ReplyError {
  if (error instanceof ReplyError) return error;
  throw error;
}
