import { checkChange } from "../../../request.ts";
import { contextOf, questionOf } from "../context.ts";
import { bytesOf } from "../format.ts";
import type { BloomFilter, LookOptions } from "../options.ts";
import { readFilters } from "../read.ts";
import { estimateItems, presentErrorRate } from "../size.ts";

/** How full a filter is. */
export interface FilterDescription {
  /** The share of its bits that are set, from 0 to 1. At `capacity` it is about a half. Of two generations, that of the fuller one. */
  readonly fill: number;
  /** About how many different items it has. An item that is in both generations counts twice. Where all bits are set, it may have any more. */
  readonly estimatedItems: number;
  /** The chance that it takes a new item for known, as full as it is now. */
  readonly errorRate: number;
  /** The bytes that it takes in Redis, or will take from its first item on. Of two generations, both. */
  readonly bytes: number;
}

/**
 * Tells how full a filter is. It reads a few bytes, however large the filter is.
 * @throws {BloomFilterMismatchError} The filter was made with other options.
 */
export async function describeFilter(
  filter: BloomFilter,
  id: string,
  options?: LookOptions,
): Promise<FilterDescription> {
  const context = contextOf(filter);
  const { size } = context;
  checkChange(options, "{ signal }");
  const filters = await readFilters(context, id, await questionOf(context, []), options);
  const counts = filters.map(({ count }) => count);
  return {
    fill: Math.max(...counts) / size.bits,
    estimatedItems: counts.reduce((sum, count) => sum + estimateItems(count, size), 0),
    errorRate: 1 - counts.reduce((none, count) => none * (1 - presentErrorRate(count, size)), 1),
    bytes: counts.length * bytesOf(size.bits),
  };
}
