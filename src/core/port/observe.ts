import type { ReplyError } from "../errors.ts";
import { codeOf, isReplyError } from "../failure.ts";
import type { Command, Redis, Reply, SendOptions } from "./redis.ts";

/** One trip to Redis. It contains the names of commands, never their arguments. */
export interface WireEvent {
  /** The names of the commands that were sent together. */
  readonly commands: readonly string[];
  /** The duration of the trip, in milliseconds. */
  readonly duration: number;
  /** `refused` if Redis answered one of the commands with an error, `failed` if there was no answer, else `ok`. */
  readonly outcome: "ok" | "refused" | "failed";
  /** The code of the first error, such as `NOSCRIPT` or `TIMEOUT`. */
  readonly code?: string | undefined;
}

/**
 * Wraps a port, and calls `watch` after every trip.
 * @example
 * const redis = observe(ioredis(client), ({ commands, duration }) => histogram.record(duration, { command: commands[0] }));
 */
export function observe(redis: Redis, watch: (event: WireEvent) => void): Redis {
  const { transaction, masters } = redis;
  return {
    scriptHeader: redis.scriptHeader,
    distant: redis.distant,
    bytes: redis.bytes,
    timeout: redis.timeout,
    send: (command, options) => observeTrip(watch, [command], () => redis.send(command, options)),
    pipeline: (commands, options) => observeTrip(watch, commands, () => redis.pipeline(commands, options)),
    ...(transaction && {
      transaction: (commands: readonly Command[], options?: SendOptions) =>
        observeTrip(watch, commands, () => transaction.call(redis, commands, options)),
    }),
    ...(masters && {
      masters: async () => (await masters.call(redis)).map((master) => observe(master, watch)),
    }),
  };
}

async function observeTrip<T extends Reply | (Reply | ReplyError)[]>(
  watch: (event: WireEvent) => void,
  sent: readonly Command[],
  trip: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  const commands = sent.map(([name]) => name.toUpperCase());
  const report = (outcome: WireEvent["outcome"], code?: string) =>
    watch({ commands, duration: performance.now() - start, outcome, code });
  try {
    const replies = await trip();
    const list: readonly (Reply | ReplyError)[] = Array.isArray(replies) ? replies : [];
    const refusal = list.find((reply) => isReplyError(reply));
    report(refusal ? "refused" : "ok", refusal?.code);
    return replies;
  } catch (error) {
    report(isReplyError(error) ? "refused" : "failed", codeOf(error) || undefined);
    throw error;
  }
}
