import { checkList, checkMethods, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { keyOf } from "../../keys.ts";
import { readStrings } from "../../port/multi-key.ts";
import type { CounterContext } from "./context.ts";
import { readCount } from "./format.ts";
import type { ReadOptions } from "./options.ts";

/** The most counters that are read by one call. */
const maxIds = 1_000;

export async function getCounters(
  { redis, namespace }: CounterContext,
  ids: readonly string[],
  options: ReadOptions | undefined,
): Promise<number[]> {
  const signal = checkMethods("signal", checkOptions(options)?.signal, "an AbortSignal", "throwIfAborted");
  if (checkList("ids", ids).length > maxIds) {
    throw new OptionError(`\`ids\` must be at most ${maxIds}; read more in several calls`);
  }
  const keys = ids.map((id) => keyOf(namespace, id));
  const { strings } = await readStrings(redis, keys, [], { signal, idempotent: true });
  return strings.map((text) => readCount(text ?? "0"));
}
