import type { ReplyError } from "../errors.ts";
import { codeOf } from "../failure.ts";
import type { Command, Redis, Reply, SendOptions } from "./redis.ts";
import { nullableText, nullableTexts, orThrow } from "./reply.ts";

/** Ports that answered CROSSSLOT. Keys of several slots are sent one by one there. */
const clusterPorts = new WeakSet<Redis>();

/**
 * Runs a command over several keys. On a Cluster, where they may belong to several slots, it runs once for each key, in the same trip.
 */
export async function perSlot<R>(
  redis: Redis,
  keys: readonly string[],
  run: (keys: readonly string[]) => Promise<R[]>,
): Promise<R[]> {
  if (keys.length === 0) return [];
  const each = async () => (await Promise.all(keys.map((key) => run([key])))).flat();
  if (isScattered(redis, keys)) return each();
  try {
    return await run(keys);
  } catch (error) {
    if (!detectCluster(redis, error)) throw error;
  }
  return each();
}

/** The result of one trip: the strings of the keys, and the replies to the other commands. */
export interface StringsAndReplies {
  readonly strings: readonly (string | null)[];
  readonly others: readonly Reply[];
}

/** Reads the strings of several keys, and runs the other commands in the same trip. */
export async function readStrings(
  redis: Redis,
  keys: readonly string[],
  others: readonly Command[],
  options: SendOptions,
): Promise<StringsAndReplies> {
  const together = keys.length > 1 && !isScattered(redis, keys);
  const reads: Command[] = together ? [["MGET", ...keys]] : keys.map((key) => ["GET", key]);
  const replies = await sendAll(redis, [...reads, ...others], options);
  if (detectCluster(redis, replies[0])) return readStrings(redis, keys, others, options);
  const good = replies.map((reply) => (keys.length > 1 && isWrongType(reply) ? null : reply)).map(orThrow);
  const strings = together ? nullableTexts(good[0] ?? null) : good.slice(0, keys.length).map(nullableText);
  return { strings, others: good.slice(reads.length) };
}

async function sendAll(
  redis: Redis,
  commands: readonly Command[],
  options: SendOptions,
): Promise<(Reply | ReplyError)[]> {
  const [only, ...more] = commands;
  if (!only) return [];
  // A pipeline of one command costs more than the command.
  return more.length > 0 ? redis.pipeline(commands, options) : [await redis.send(only, options)];
}

function isScattered(redis: Redis, keys: readonly string[]): boolean {
  return keys.length > 1 && (redis.masters !== undefined || clusterPorts.has(redis));
}

/** MGET answers nil for a key that holds no string. So does this where GETs stand for it. */
function isWrongType(reply: Reply | ReplyError | undefined): boolean {
  return codeOf(reply) === "WRONGTYPE";
}

/** Remembers a port that answered CROSSSLOT. */
function detectCluster(redis: Redis, outcome: unknown): boolean {
  const crosses = codeOf(outcome) === "CROSSSLOT";
  if (crosses) clusterPorts.add(redis);
  return crosses;
}
