import { randomText } from "../../core/crypto.ts";
import type { RedisPatternsError } from "../../core/errors.ts";
import { diagnose, isPortError } from "../../core/port/diagnosis.ts";
import { type Ping, ping, type PingOptions } from "../../core/port/ping.ts";
import type { Command, Redis } from "../../core/port/redis.ts";
import { orThrow } from "../../core/port/reply.ts";
import type { Subscriber } from "../../core/port/subscriber.ts";
import { Untried } from "./trial.ts";
import { trials } from "./trials.ts";

/** What became of one trial. */
export interface Row {
  readonly name: string;
  readonly ok: boolean;
  /** Whether it did not take place, for the reason that the remedy tells. */
  readonly untried?: boolean;
  /** How long it took, in milliseconds. */
  readonly duration: number;
  /** What to do if it failed, and what was said; or why it did not take place. */
  readonly remedy?: string;
}

/** A ping that failed for such a reason says what every pattern would say after its deadline. */
const hopeless = /^(credentials|cluster|replica|tls|endpoint|closed|unreachable|unavailable)$/;

/** Pings, then uses each pattern once under a prefix of its own, and deletes what they have stored. */
export async function pingFully(
  redis: Redis,
  subscriber: Subscriber,
  options: PingOptions & { readonly prefix: string; readonly channels: boolean },
): Promise<Row[]> {
  const start = performance.now();
  const pong = await ping(redis, options);
  const rows = [rowOf("ping", start, pong)];
  if (!pong.ok && hopeless.test(pong.reason)) return rows;
  const prefix = `${options.prefix}:ping-${randomText(9)}`;
  const { recorder, keys } = recordKeys(redis, prefix);
  const context = { channels: options.channels, subscriber };
  for (const [name, trial] of trials) rows.push(await attempt(name, () => trial(recorder, prefix, context)));
  rows.push(await attempt("clean-up", () => deleteAll(redis, keys)));
  return rows;
}

/** What to do about a failed ping, what was said, and why. */
export function explain({ remedy, error }: { readonly remedy: string; readonly error: Error }): string {
  const { message, cause } = error;
  const reason = cause instanceof Error && cause.message !== "" && !message.includes(cause.message);
  return `${remedy} (${message}${reason ? `: ${cause.message}` : ""})`;
}

function rowOf(name: string, start: number, result: Ping | { readonly ok: true }): Row {
  const duration = performance.now() - start;
  return result.ok ? { name, ok: true, duration } : { name, ok: false, duration, remedy: explain(result) };
}

async function attempt(name: string, work: () => Promise<unknown>): Promise<Row> {
  const start = performance.now();
  try {
    await work();
    return rowOf(name, start, { ok: true });
  } catch (thrown) {
    const error = portErrorIn(thrown);
    if (error) return rowOf(name, start, { ok: false, ...diagnose(error), error });
    const remedy = thrown instanceof Error ? thrown.message : "It failed";
    const untried = thrown instanceof Untried;
    return { name, ok: untried, untried, duration: performance.now() - start, remedy };
  }
}

/** The error of the port, which a pattern's own error may have as its cause. */
function portErrorIn(error: unknown): RedisPatternsError | undefined {
  if (isPortError(error)) return error;
  return error instanceof Error && error.cause !== undefined ? portErrorIn(error.cause) : undefined;
}

/** Gives a port that remembers the keys of its commands, if they contain the prefix. */
function recordKeys(redis: Redis, prefix: string) {
  const keys = new Set<string>();
  const record = (commands: readonly Command[]) => {
    for (const key of commands.flatMap(keysOf)) if (key.includes(`:${prefix}:`)) keys.add(key);
  };
  const recorder: Redis = {
    ...redis,
    send(command, options) {
      record([command]);
      return redis.send(command, options);
    },
    pipeline(commands, options) {
      record(commands);
      return redis.pipeline(commands, options);
    },
  };
  return { recorder, keys };
}

/** The keys of a command, or its other words: these do not contain the prefix where a key does. */
function keysOf([name, ...args]: Command): string[] {
  const words = args.map(String);
  return name.startsWith("EVAL") ? words.slice(2, 2 + Number(words[1])) : words;
}

/** Deletes key by key, since they may belong to several slots of a Cluster. */
async function deleteAll(redis: Redis, keys: ReadonlySet<string>): Promise<void> {
  const replies = await redis.pipeline(Array.from(keys, (key): Command => ["DEL", key]));
  replies.forEach(orThrow);
}
