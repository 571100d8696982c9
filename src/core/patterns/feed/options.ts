import type { Lifetime } from "../../time/lifetime.ts";
import type { ChangeOptions } from "../../request.ts";
import type { FeedItem } from "./format.ts";

/** Options of `createFeeds`. */
export interface FeedOptions {
  /** The name of this kind of feed. Its keys begin with `feed:` and the prefix. */
  readonly prefix: string;
  /** For how long a feed is kept after its last change, in milliseconds; "permanent" keeps it for ever. */
  readonly ttl: Lifetime;
  /**
   * How many items of a feed are kept, from 1 to 100,000. Older ones are trimmed with each push.
   * @default { length: 1_000 }
   */
  readonly keep?: { readonly length: number } | undefined;
  /**
   * The greatest size of one item, in bytes of JSON.
   * @default 100_000
   */
  readonly maxBytes?: number | undefined;
  /**
   * For how long a change with a `requestId` is remembered, in milliseconds: a minute or more.
   * @default 86_400_000, a day
   */
  readonly requestTtl?: number | undefined;
}

/** Receives word that the reader has missed something. The call waits for it, and throws what it throws. */
export type OnTrimmed = (trimmed: {
  /** The id of the newest item that was trimmed. */
  readonly lastTrimmed: string;
}) => unknown;

/** Options that both ways to read a feed have. */
export interface FeedReadOptions {
  /**
   * The most items of one answer, from 1 to 1,000.
   * @default 20
   */
  readonly limit?: number | undefined;
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `page`. */
export interface FeedPageOptions extends FeedReadOptions {
  /**
   * The `cursor` of the page before this one, or `null` for the newest items. The last page has `null`, so end there.
   * @default null
   */
  readonly cursor?: string | null | undefined;
  /**
   * Called if the place of the cursor has been trimmed meanwhile: what came after it is gone. It is not called for items that `remove` took.
   * @default none
   */
  readonly onTrimmed?: OnTrimmed | undefined;
}

/** One page of a feed. */
export interface FeedPage<Item> {
  /** The newest comes first. */
  readonly items: readonly FeedItem<Item>[];
  /** What the next page begins at, or `null` if there is no older item. */
  readonly cursor: string | null;
}

/** Options of `since`. */
export interface FeedSinceOptions extends FeedReadOptions {
  /**
   * Called if items were trimmed that are newer than `lastId`: the reader has missed them. It is not called for items that `remove` took.
   * @default none
   */
  readonly onTrimmed?: OnTrimmed | undefined;
}

/** What is new in a feed. */
export interface FeedNews<Item> {
  /** The oldest comes first. */
  readonly items: readonly FeedItem<Item>[];
  /** What to ask from the next time: the id of the last item, or the given one if nothing is newer. */
  readonly lastId: string | null;
  /** Whether there were more than `limit`. */
  readonly more: boolean;
}

/** Feeds of which each keeps its newest items. */
export interface Feeds<Item> {
  /**
   * Adds an item as the newest one, and trims the feed to its length.
   * @returns The id of the item. A repetition of the call adds nothing and gives the same id.
   * @throws {OptionError} The id is empty or too long, or the item is no plain JSON, such as a date.
   * @throws {ValueTooLargeError} The item is larger than `maxBytes`.
   */
  push(id: string, item: Item, options?: ChangeOptions): Promise<{ readonly id: string }>;
  /**
   * Reads a page, the newest items first. Items that are pushed meanwhile neither repeat nor hide an item of later pages.
   * @throws {OptionError} The cursor is none of a page, or `limit` is not from 1 to 1,000.
   */
  page(id: string, options?: FeedPageOptions): Promise<FeedPage<Item>>;
  /**
   * Reads what is newer than an item, the oldest first.
   * @param lastId The id of the last item that the caller has seen, or `null` if it has seen none.
   * @throws {OptionError} `lastId` is no id of an item, or `limit` is not from 1 to 1,000.
   */
  since(id: string, lastId: string | null, options?: FeedSinceOptions): Promise<FeedNews<Item>>;
  /**
   * Removes one item.
   * @param itemId The id that `push` gave.
   * @returns Whether it was there. A repetition of the call gives the same answer.
   * @throws {OptionError} `itemId` is no id of an item.
   */
  remove(id: string, itemId: string, options?: ChangeOptions): Promise<boolean>;
}
