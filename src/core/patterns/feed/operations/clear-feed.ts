import type { ChangeOptions } from "../../../request.ts";
import { changeOf, contextOf } from "../context.ts";
import { feedKeys } from "../format.ts";
import type { Feeds } from "../options.ts";
import { clearFeedScript } from "../scripts/clear.lua.ts";

/**
 * Deletes a feed with all of its markers, such as that of a user who leaves. It forgets the events of `fanOut`, too.
 * @throws {OptionError} The id is empty or too long.
 */
export async function clearFeed<Item>(feeds: Feeds<Item>, id: string, options?: ChangeOptions): Promise<void> {
  const context = contextOf(feeds);
  const { remembered, send } = changeOf(context, id, "clear", options);
  await clearFeedScript(context.redis, { ...feedKeys(context.namespace, id), ...remembered }, send);
}
