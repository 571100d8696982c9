import { type ChangeOptions, checkChange } from "../../../request.ts";
import { addItems } from "../add.ts";
import { contextOf } from "../context.ts";
import { checkItems } from "../hash.ts";
import type { BloomFilter } from "../options.ts";

/**
 * Adds up to 100 items to one filter by one command.
 * @returns For each item, whether it was surely new. An item that is in the list twice is new once.
 * @throws {OptionError} There are more items, or one is empty or no well-formed text.
 * @throws {BloomFilterMismatchError} The filter was made with other options. Nothing was changed.
 */
export async function addMany(
  filter: BloomFilter,
  id: string,
  items: readonly string[],
  options?: ChangeOptions,
): Promise<boolean[]> {
  const context = contextOf(filter);
  checkChange(options);
  return checkItems(items).length === 0 ? [] : addItems(context, "add-many", id, items, options);
}
