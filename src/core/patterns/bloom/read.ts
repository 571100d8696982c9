import type { Arg } from "../../port/redis.ts";
import { integers, listOf } from "../../port/reply.ts";
import { askAroundServerTime } from "../../script/server-time.ts";
import { type FilterContext, locate, type Question, questionOf } from "./context.ts";
import { decodeFilter, filterKey, readHeader, type StoredFilter } from "./format.ts";
import type { LookOptions } from "./options.ts";
import { readScript } from "./scripts/read.lua.ts";

/** Tells of each item whether it may have been added. */
export async function testItems(
  context: FilterContext,
  id: string,
  items: readonly string[],
  options?: LookOptions,
): Promise<boolean[]> {
  const { hashes } = context.size;
  const filters = await readFilters(context, id, await questionOf(context, items), options);
  return items.map((_, i) => {
    return filters.some(({ bits }) => !bits.slice(i * hashes, (i + 1) * hashes).includes(0));
  });
}

/** Reads a filter, or both generations of one that forgets. */
export async function readFilters(
  context: FilterContext,
  id: string,
  { shape, places }: Question,
  { signal }: LookOptions = {},
): Promise<StoredFilter[]> {
  const { redis, namespace, generations } = context;
  const send = { signal, idempotent: true };
  if (!generations) {
    const command: [string, ...Arg[]] = ["BITFIELD_RO", filterKey(namespace, id), ...readHeader];
    for (const place of places) command.push("GET", "u1", place);
    const reply = await redis.send(command, send);
    return [decodeFilter(integers(reply), shape)];
  }
  const reply = await askAroundServerTime((now) => {
    const { filters, bounds } = locate(context, id, now);
    return readScript(redis, { filters, starts: bounds, places }, send);
  });
  return listOf(integers)(reply).map((numbers) => decodeFilter(numbers, shape));
}
