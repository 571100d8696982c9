import { checkList, checkMethods, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { keyOf } from "../../keys.ts";
import { readStrings } from "../../port/multi-key.ts";
import { nullableText, nullableTexts } from "../../port/reply.ts";
import type { CounterContext } from "./context.ts";
import { readCount } from "./format.ts";
import type { ReadOptions } from "./options.ts";

/** The most counters that are read by one call. */
const maxIds = 1_000;

export async function getCounter(
  { redis, namespace }: CounterContext,
  id: string,
  options: ReadOptions | undefined,
): Promise<number> {
  const signal = signalOf(options);
  const reply = await redis.send(["GET", keyOf(namespace, id)], { signal, idempotent: true });
  return readCount(nullableText(reply) ?? "0", id);
}

export async function getCounters(
  { redis, namespace }: CounterContext,
  ids: readonly string[],
  options: ReadOptions | undefined,
): Promise<number[]> {
  const send = { signal: signalOf(options), idempotent: true };
  if (checkList("ids", ids).length > maxIds) {
    throw new OptionError(`\`ids\` must be at most ${maxIds}; read more in several calls`);
  }
  const keys = ids.map((id) => keyOf(namespace, id));
  const strings =
    keys.length === 1
      ? // GET throws for a key of another type, which MGET has nothing of.
        nullableTexts(await redis.send(["MGET", ...keys], send))
      : (await readStrings(redis, keys, [], send)).strings;
  return ids.map((id, i) => readCount(strings[i] ?? "0", id));
}

function signalOf(options: ReadOptions | undefined): AbortSignal | undefined {
  return checkMethods("signal", checkOptions(options)?.signal, "an AbortSignal", "throwIfAborted");
}
