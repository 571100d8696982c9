import { checkDuration, checkOptions } from "../../core/check.ts";
import type { ReplyError } from "../../core/errors.ts";
import { isReplyError } from "../../core/failure.ts";
import type { Redis } from "../../core/port/redis.ts";
import { checkClient, checkKeyPrefix, checkReads, createCommandBuilder, type IoredisClient } from "./client.ts";
import { watchFaults } from "./fault.ts";
import { type IoredisContext, sendOne, sendPipeline, sendTransaction } from "./send.ts";

/** Options of `ioredis` and `ioredisSubscriber`. */
export interface IoredisOptions {
  /**
   * The deadline of every call, in milliseconds.
   * @default 2000
   */
  readonly timeout?: number;
}

/**
 * Creates a port over an ioredis client of version 5 or 6, a `Redis` or a `Cluster`. The caller creates the client, listens to its `error`
 * event and closes it. Replies have the shapes of RESP2, also with RESP3 and with a reply mapping. Integers beyond 2^53 are text. They are
 * exact only if the client was created with `stringNumbers: true`.
 * @throws {OptionError} The client is not an ioredis client, it has a `keyPrefix`, or it is a Cluster that reads from replicas.
 * @example
 * const client = new Redis(env.REDIS_URL, server);
 * client.on("error", (error) => log.warn(error));
 * const cache = createCache(ioredis(client), { prefix: "user", ttl: minutes(5) });
 */
export function ioredis(client: IoredisClient, options?: IoredisOptions): Redis {
  const { timeout = 2_000 } = checkOptions(options, "{ timeout: 500 }") ?? {};
  checkReads(checkKeyPrefix(checkClient(client)));
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
    return {
      send,
      transaction,
      bytes: true,
      timeout,
      pipeline: (commands, options) => sendPipeline(context, commands, options),
    };
  }
  return {
    send,
    transaction,
    bytes: true,
    timeout,
    pipeline: (commands, options) =>
      Promise.all(commands.map((command) => sendOne(context, command, options).catch(catchRefusal))),
    async masters() {
      if (client.status !== "ready") await send(["PING"]);
      return nodes.call(client, "master").map((master) => ioredis(master, { timeout }));
    },
  };
}

function catchRefusal(error: unknown): ReplyError {
  if (isReplyError(error)) return error;
  throw error;
}
