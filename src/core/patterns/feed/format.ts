import { ReplyError } from "../../errors.ts";
import { encodeId, keyOf } from "../../keys.ts";
import { checkStreamId } from "../../stream-id.ts";

/** The keys of one feed, which share a Cluster slot. */
export interface FeedKeys {
  /** A stream: the items, by the ids that Redis gave them. */
  readonly items: string;
  /** The id of the newest item that was trimmed. */
  readonly trimmed: string;
  /** A hash: the newest item that each reader has read. */
  readonly readers: string;
  /** A sorted set: the events that it was given by `fanOut`, in the order in which they came. */
  readonly events: string;
}

export function feedKeys(namespace: string, id: string): FeedKeys {
  return {
    items: keyOf(namespace, id, "items"),
    trimmed: keyOf(namespace, id, "trimmed"),
    readers: keyOf(namespace, id, "readers"),
    events: keyOf(namespace, id, "events"),
  };
}

/**
 * The name of a list that other programs read, too. It has no braces, so that a Cluster takes the whole of it for its slot. As an id, it
 * gives keys of the same slot.
 * @throws {OptionError} The id is empty, not a string, or too long.
 */
export function bareKey(prefix: string, id: string): string {
  encodeId(id);
  return encodeId(`${prefix}:${id}`);
}

/** The field of an item in its stream, as Lua has it: the version of the format. The value is JSON. */
export const itemField = '"1"';

/** One item of a feed. */
export interface FeedItem<Item> {
  /** Its place in the feed: `1795786836002-0`, the milliseconds since 1970 by the server's clock, and a number. */
  readonly id: string;
  readonly data: Item;
}

/** Reads what a script tells of one item: its id, its first field, and the value of that. */
export function decodeItem(id: string, field: string | undefined, value: string | undefined): FeedItem<unknown> {
  if (`"${field}"` === itemField && value !== undefined) return { id, data: decodeJson(value) };
  throw new ReplyError("SHAPE The feed holds something else than items; choose another `prefix`");
}

/** Reads an item of a feed or of a list. */
export function decodeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ReplyError("SHAPE An item is no JSON; another program has written it", { cause });
  }
}

/** Checks the id of an item. */
export function checkItemId(name: string, value: string): string {
  return checkStreamId(name, value, "an item, as `push` and `page` give it");
}
