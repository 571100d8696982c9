import { nullableText, nullableTexts } from "../reply.ts";
import { ReplyError } from "../errors.ts";
import type { Redis, SendOptions } from "../redis.ts";
import { decodeEntry, type Entry } from "./entry.ts";
import type { Context } from "./context.ts";

/** The entry in what Redis answered, or `undefined` where there is none that this cache can read. */
export function entryIn<T>(x: Context<T>, raw: string | null): Entry<T> | undefined {
  const entry = raw === null ? undefined : decodeEntry(raw);
  const decoded = entry && x.decode(entry.payload);
  return entry && decoded && { ...entry, ...decoded };
}

/** Ports that answered CROSSSLOT: keys of several slots go out one by one there. */
const slotted = new WeakSet<Redis>();

/** The strings of several keys in one trip: one MGET, or on a Cluster one GET each. */
export async function readMany(
  redis: Redis,
  keys: readonly string[],
  options: SendOptions,
): Promise<(string | null)[]> {
  if (keys.length === 0) return [];
  if (redis.masters || slotted.has(redis)) return readEach(redis, keys, options);
  try {
    return nullableTexts(await redis.send(["MGET", ...keys], options));
  } catch (error) {
    if (!(error instanceof ReplyError) || error.code !== "CROSSSLOT") throw error;
  }
  slotted.add(redis);
  return readEach(redis, keys, options);
}

async function readEach(redis: Redis, keys: readonly string[], options: SendOptions): Promise<(string | null)[]> {
  const replies = await redis.pipeline(
    keys.map((key) => ["GET", key]),
    options,
  );
  return replies.map((reply) => {
    if (reply instanceof ReplyError) throw reply;
    return nullableText(reply);
  });
}
