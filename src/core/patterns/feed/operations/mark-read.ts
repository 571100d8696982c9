import { type ChangeOptions, subjectOf } from "../../../request.ts";
import { changeOf, contextOf } from "../context.ts";
import { checkItemId, feedKeys } from "../format.ts";
import type { Feeds } from "../options.ts";
import { readerField } from "../reader.ts";
import { markReadScript } from "../scripts/mark-read.lua.ts";

/**
 * Notes that a reader has read a feed up to an item. The marker never moves back, so calls may come in any order.
 * @param itemId The id of the newest item that the reader has seen. One beyond the newest item means that.
 * Where nothing is left, it means the newest item that was trimmed.
 * @returns The reader's marker, or `null` if the feed never had an item and the reader has none.
 * @throws {OptionError} The reader is empty, or `itemId` is no id of an item.
 */
export async function markRead<Item>(
  feeds: Feeds<Item>,
  id: string,
  reader: string,
  itemId: string,
  options?: ChangeOptions,
): Promise<{ readonly lastRead: string | null }> {
  const context = contextOf(feeds);
  const { remembered, send } = changeOf(context, id, `read${await subjectOf(options ?? {}, [reader])}`, options);
  const { items, trimmed, readers } = feedKeys(context.namespace, id);
  const item = checkItemId("itemId", itemId);
  const values = { items, trimmed, readers, ...remembered, reader: readerField(reader), item, ttl: context.ttl };
  return { lastRead: (await markReadScript(context.redis, values, send)) || null };
}
