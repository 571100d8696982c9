import { duration } from "../../core/check.ts";
import { withDeadline } from "../../core/deadline.ts";
import { OptionError, ReplyError, RedisPatternsError, ConnectionError } from "../../core/errors.ts";
import type { Arg, Command, Redis, Reply, SendOptions } from "../../core/redis.ts";

/** The subset of an ioredis `Redis` or `Cluster` that the adapter needs; versions 5 and 6 fit. */
export interface IoredisClient {
  call(name: string, ...args: Arg[]): Promise<unknown>;
}

/** Options of the adapter. */
export interface IoredisOptions {
  /**
   * The deadline of every call, in milliseconds.
   * @default 2000
   */
  readonly timeout?: number;
}

/** Runs the patterns over an ioredis client. The caller made the client and closes it. */
export function ioredis(client: IoredisClient, { timeout = 2_000 }: IoredisOptions = {}): Redis {
  duration("timeout", timeout);
  if (typeof client?.call !== "function") throw new OptionError("`client` must be an ioredis Redis or Cluster");
  const send = (command: Command, options: SendOptions = {}) =>
    withDeadline(timeout, options.signal, () => client.call(...command).then(asReply, fail));
  return {
    send,
    pipeline: (commands, options) =>
      Promise.all(
        commands.map((command) =>
          send(command, options).catch((error: unknown) => {
            if (error instanceof ReplyError) return error;
            throw error;
          }),
        ),
      ),
  };
}

function asReply(reply: unknown): Reply {
  return reply as Reply;
}

function fail(error: unknown): never {
  if (error instanceof RedisPatternsError) throw error;
  if (error instanceof Error && error.name === "ReplyError") throw new ReplyError(error.message, { cause: error });
  throw new ConnectionError("Redis was not reached", "unknown", { cause: error });
}
