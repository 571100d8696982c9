import { checkRead, checkUpTo, contextOf } from "../context.ts";
import { isAbove } from "../../../stream-id.ts";
import { feedKeys } from "../format.ts";
import type { Feeds } from "../options.ts";
import { readerField } from "../reader.ts";
import { countUnreadScript } from "../scripts/count-unread.lua.ts";

/** Options of `countUnread`. */
export interface CountUnreadOptions {
  /**
   * Up to how many unread items are counted, from 1 to 1,000. Redis reads each of them, so choose what is shown: 99 for "99+".
   * @default 100
   */
  readonly limit?: number | undefined;
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What a reader has not yet read. */
export interface Unread {
  /** The number of unread items, at most `limit`. */
  readonly count: number;
  /** Whether there were more than these: "100 or more". Some of them may have been trimmed. */
  readonly more: boolean;
  /** The reader's marker, for `since`, or `null` if the reader has none. */
  readonly lastRead: string | null;
}

/**
 * Counts the items that are newer than a reader's marker. Without a marker, all are.
 * @throws {OptionError} The reader is empty, or `limit` is not from 1 to 1,000.
 */
export async function countUnread<Item>(
  feeds: Feeds<Item>,
  id: string,
  reader: string,
  options?: CountUnreadOptions,
): Promise<Unread> {
  const { redis, namespace } = contextOf(feeds);
  const { limit = 100, signal } = checkRead(options, "{ limit: 100 }") ?? {};
  // The marked item is among them, and one more tells whether there are more.
  const count = checkUpTo("limit", limit, 1_000) + 2;
  const values = { ...feedKeys(namespace, id), reader: readerField(reader), count };
  const [marker = "", found = "0", trimmed = ""] = await countUnreadScript(redis, values, { signal, idempotent: true });
  const hasMissed = trimmed !== "" && (marker === "" || isAbove(trimmed, marker));
  return {
    count: Math.min(limit, Number(found)),
    more: Number(found) > limit || hasMissed,
    lastRead: marker || null,
  };
}
