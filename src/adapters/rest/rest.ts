import { onAbort } from "../../core/abort.ts";
import { argText } from "../../core/port/arg.ts";
import { checkDuration } from "../../core/check.ts";
import { effectiveTimeout } from "../../core/time/deadline.ts";
import { OptionError, ReplyError } from "../../core/errors.ts";
import type { Command, Redis, SendOptions } from "../../core/port/redis.ts";
import { orThrow } from "../../core/port/reply.ts";
import { type Call, leaveCall, type Replies } from "./call.ts";
import { createDelivery } from "./delivery.ts";
import { createPost } from "./post.ts";
import { createQueue } from "./queue.ts";

/** Options of `rest`. */
export interface RestOptions {
  /** The database's REST URL, such as `https://name.upstash.io`, or the address of a `redis-patterns gateway`. */
  readonly url: string;
  /** The database's REST token. */
  readonly token: string;
  /**
   * The function that sends requests: the fetch of a service binding, or one that adds `cache: "no-store"`.
   * @default the global fetch
   */
  readonly fetch?: typeof fetch | undefined;
  /**
   * The deadline of every call, in milliseconds.
   * @default 2000
   */
  readonly timeout?: number | undefined;
  /**
   * `true` sends the calls of one tick as one request, in their order. `false` sends each call as a request of its own.
   * @default true
   */
  readonly batch?: boolean | undefined;
}

/**
 * Creates a port over the Upstash REST protocol, which needs nothing but `fetch`. One port is enough for a process or isolate. In a Worker,
 * it never sends calls of two requests together. After a lost reply or a status of 5xx, commands that are marked `idempotent` are sent
 * again, at most twice and within the deadline.
 * @throws {OptionError} The URL, the token or the deadline can never work.
 * @example
 * const redis = rest({ url: "https://name.upstash.io", token: env.REDIS_TOKEN });
 * const lock = createLock(redis, { prefix: "job", ttl: seconds(10) });
 */
export function rest(options: RestOptions): Redis {
  const { url, token, fetch, timeout = 2_000, batch = true } = options ?? {};
  checkDuration("timeout", timeout);
  const post = createPost(checkUrl(url), checkToken(token), fetch);
  const sendPipeline = createQueue(createDelivery(post, "/pipeline"), batch);
  const sendTransaction = createQueue(createDelivery(post, "/multi-exec"), false);

  const runCall = (send: typeof sendPipeline, commands: readonly Command[], options: SendOptions = {}) =>
    new Promise<Replies>((resolve, reject) => {
      const limit = effectiveTimeout(timeout, options);
      const { signal, idempotent } = options;
      if (signal?.aborted) return reject(signal.reason);
      if (commands.length === 0) return resolve([]);
      const words = commands.map(toWords);
      const stay = onAbort(signal, () => leaveCall(call, signal?.reason));
      const call: Call = { commands: words, idempotent, timeout: limit, resolve, reject, stay };
      send(call);
    });

  return {
    scriptHeader: "#!lua flags=allow-key-locking",
    distant: true,
    timeout,
    send: (command, options) => runCall(sendPipeline, [command], options).then(([reply = null]) => orThrow(reply)),
    pipeline: (commands, options) =>
      runCall(sendPipeline, commands, options).catch((error: unknown) => {
        if (error instanceof ReplyError) return commands.map(() => error);
        throw error;
      }),
    transaction: (commands, options) => runCall(sendTransaction, commands, options),
  };
}

function checkUrl(url: string): string {
  if (/^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/.test(url)) return url.replace(/\/$/, "");
  throw new OptionError("`url` must be the REST URL, https://..., without query; a redis:// URL is for ioredis");
}

// The error of fetch quotes a header that it cannot send, and would so show the secret.
function checkToken(token: string): string {
  if (token && /^[!-~]+$/.test(token)) return token;
  throw new OptionError("`token` must be the REST token, without spaces");
}

function toWords(command: Command): string[] {
  return command.map(argText);
}
