import { checkChange } from "../../../request.ts";
import { contextOf } from "../context.ts";
import { checkItems } from "../hash.ts";
import type { BloomFilter, LookOptions } from "../options.ts";
import { testItems } from "../read.ts";

/**
 * Looks for up to 100 items in one filter by one command.
 * @returns For each item, whether it may have been added.
 * @throws {OptionError} There are more items, or one is empty or no well-formed text.
 * @throws {BloomFilterMismatchError} The filter was made with other options.
 */
export async function mightContainMany(
  filter: BloomFilter,
  id: string,
  items: readonly string[],
  options?: LookOptions,
): Promise<boolean[]> {
  const context = contextOf(filter);
  checkChange(options, "{ signal }");
  return checkItems(items).length === 0 ? [] : testItems(context, id, items, options);
}
