import { argText } from "../../core/port/arg.ts";
import { checkDuration, checkOptions } from "../../core/check.ts";
import { effectiveTimeout, withDeadline } from "../../core/time/deadline.ts";
import { ReplyError } from "../../core/errors.ts";
import type { Command, Redis, SendOptions } from "../../core/port/redis.ts";
import { throwPortError, listDecoder, decodeSingle } from "./replies.ts";
import { findRequester, type UpstashClient } from "./client.ts";

/** Options of `upstash`. */
export interface UpstashOptions {
  /**
   * The deadline of every call, in milliseconds. The client itself has none, and retries for about 4 seconds.
   * @default 2000
   */
  readonly timeout?: number | undefined;
}

/**
 * Creates a port over an @upstash/redis client, of the package's root, `/cloudflare` or `/fastly`, with any options. It uses the client's
 * HTTP part alone, so that the client neither deserialises replies nor pipelines commands by itself. Each call is a request of its own.
 * After a lost reply, the client sends any command again, not only those that are marked `idempotent`. It also removes a byte order mark
 * at the beginning of a string, unless it was created with `responseEncoding: false`.
 * @throws {OptionError} It is not such a client, it has no URL or token, or it was created with one `signal` for all requests.
 * @example
 * import { Redis } from "@upstash/redis";
 * const redis = upstash(Redis.fromEnv());
 * const limiter = createLimiter(redis, { prefix: "api", algorithm: slidingWindow({ limit: 10, window: seconds(10) }) });
 */
export function upstash(client: UpstashClient, options?: UpstashOptions): Redis {
  const { timeout = 2_000 } = checkOptions(options, "{ timeout: 500 }") ?? {};
  checkDuration("timeout", timeout);
  const request = findRequester(client);

  const runTrip = async <T>(
    path: readonly string[],
    body: unknown,
    options: SendOptions,
    decode: (answer: unknown) => T,
  ): Promise<T> => {
    const limit = effectiveTimeout(timeout, options);
    const work = (signal: AbortSignal) => request(path, body, signal).catch(throwPortError).then(decode);
    return withDeadline(limit, options.signal, work);
  };

  const runBatch = async (path: string, commands: readonly Command[], options: SendOptions = {}) =>
    commands.length === 0 ? [] : runTrip([path], commands.map(encodeCommand), options, listDecoder(commands.length));

  return {
    scriptHeader: "#!lua flags=allow-key-locking",
    distant: true,
    timeout,
    send: async (command, options = {}) => runTrip([], encodeCommand(command), options, decodeSingle),
    pipeline: (commands, options) =>
      runBatch("pipeline", commands, options).catch((error: unknown) => {
        if (error instanceof ReplyError) return commands.map(() => error);
        throw error;
      }),
    transaction: (commands, options) => runBatch("multi-exec", commands, options),
  };
}

/** The client turns anything but strings into JSON, and fails in the middle of a request where it cannot. */
function encodeCommand(command: Command): string[] {
  return command.map(argText);
}
