import type { Lifetime } from "../../time/lifetime.ts";
import type { ChangeOptions } from "../../request.ts";
import type { Period } from "../../time/period.ts";
import type { FirstToReach } from "./ties.ts";

/** The rank of equal scores. */
export type Ties = "ordinal" | "competition" | "dense" | FirstToReach;

/** Options of `createLeaderboard`. */
export interface LeaderboardOptions {
  /** The name of this set of boards. Its keys begin with `leaderboard:` and the prefix. */
  readonly prefix: string;
  /**
   * For how long a board is kept after its last score, in milliseconds, or "permanent". With a `period`, after the period's end.
   * @default days(1)
   */
  readonly ttl?: Lifetime | undefined;
  /**
   * How long one board runs, such as `weekly({ timeZone: "Europe/Berlin" })`: each period has a board of its own, and the server's clock
   * decides which one a call means.
   * @default one board for all time
   */
  readonly period?: Period | undefined;
  /**
   * Whether the highest or the lowest score has rank 1.
   * @default "descending", the highest
   */
  readonly order?: "descending" | "ascending" | undefined;
  /**
   * What equal scores mean for the rank. "ordinal" gives each a rank of its own (1, 2, 3), in the order of Redis. "competition" gives all of
   * them the best rank and leaves out the next ones (1, 1, 3). "dense" leaves out none (1, 1, 2). `firstToReach()` puts first who had the
   * score first.
   * @default "ordinal"
   */
  readonly ties?: Ties | undefined;
  /**
   * How many members a board keeps: the best ones. Who falls out loses score and data.
   * @default all
   */
  readonly keep?: { readonly length: number } | undefined;
  /**
   * The greatest size of one member's data, as JSON, in bytes.
   * @default 100_000
   */
  readonly maxBytes?: number | undefined;
  /**
   * For how long a call with a `requestId` is remembered, in milliseconds: a minute or more.
   * @default hours(24)
   */
  readonly requestTtl?: number | undefined;
}

/** Options of a call that reads one board. */
export interface BoardCallOptions {
  /**
   * An instant of the period whose board is meant, in milliseconds since 1970. It needs `period`.
   * @default now, by the server's clock
   */
  readonly at?: number | undefined;
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a call that changes one board. */
export interface BoardChangeOptions extends ChangeOptions {
  /**
   * When the change happened, in milliseconds since 1970, for one that is told late: its period's board is changed. It needs `period`.
   * @default now, by the server's clock
   */
  readonly at?: number | undefined;
}

/** Options of a call that gives a member points. */
export interface IncrementOptions<Data = unknown> extends BoardChangeOptions {
  /**
   * What to keep beside the score, as plain JSON, such as a name to show. It replaces what was kept.
   * @default what was kept before
   */
  readonly data?: Data | undefined;
}

/** Options of a call that sets a score. */
export interface SetScoreOptions<Data = unknown> extends IncrementOptions<Data> {
  /**
   * "higher" or "lower": score and data change only if the member has no score yet, or the new one is higher or lower.
   * @default the new score replaces the old one
   */
  readonly only?: "higher" | "lower" | undefined;
}

/** Options of a page. */
export interface PageOptions extends BoardCallOptions {
  /**
   * How many entries to give, from 1 to 1,000.
   * @default 10
   */
  readonly limit?: number | undefined;
  /**
   * The `cursor` of the page before. It also names the period.
   * @default the beginning
   */
  readonly cursor?: string | null | undefined;
}

/** What became of a score. */
export interface Placing {
  /** Whether the board holds another score of the member than before. */
  readonly changed: boolean;
  /** The score that the member has now. Where it has no place, the score that it would have. */
  readonly score: number;
  /** Its rank, 1 for the best. `null` if it has no place: it is behind the last one that the board keeps, or the board's time is over. */
  readonly rank: number | null;
}

/** One entry of a board. */
export interface Entry<Data = unknown> {
  readonly member: string;
  /** 1 for the best. */
  readonly rank: number;
  readonly score: number;
  /** What was kept beside the score, `null` for nothing. */
  readonly data: Data | null;
}

/** One entry, and how it compares with the whole board. */
export interface Standing<Data = unknown> extends Entry<Data> {
  /** How many percent of the board's members have a worse score, from 0 to 100. */
  readonly percentile: number;
}

/** Some entries that follow each other, the best first. */
export interface Page<Data = unknown> {
  readonly entries: readonly Entry<Data>[];
  /** Where the next page begins. `null` if there is none. */
  readonly cursor: string | null;
}

/** What reads boards. */
export interface BoardReader<Data = unknown> {
  /**
   * Reads the entry of a member, and its percentile.
   * @returns `null` if the member is not on the board.
   * @throws {OptionError} The id, the member or an option can never work.
   */
  get(id: string, member: string, options?: BoardCallOptions): Promise<Standing<Data> | null>;
  /**
   * Reads the entries of at most 1,000 members, all of one moment.
   * @returns Their entries in the order of the members; `null` for who is not on the board.
   * @throws {OptionError} There are more members, or one can never work.
   */
  getMany(id: string, members: readonly string[], options?: BoardCallOptions): Promise<readonly (Entry<Data> | null)[]>;
  /**
   * Reads the best entries, page by page. A page begins behind the last entry of the one before it, whatever has changed ahead of it: a
   * member whose score stays is neither shown twice nor left out.
   * @throws {OptionError} The limit or the cursor can never work.
   */
  top(id: string, options?: PageOptions): Promise<Page<Data>>;
  /**
   * Reads the entries around a member: as many above as below where the board has them. It is empty if the member is not on the board.
   * @throws {OptionError} The member or the limit can never work.
   */
  around(id: string, member: string, options?: Omit<PageOptions, "cursor">): Promise<readonly Entry<Data>[]>;
}

/** Boards of scores, one for each id. */
export interface Leaderboard<Data = unknown> extends BoardReader<Data> {
  /**
   * Sets the score of a member, and tells the rank that it has then.
   * @throws {OptionError} The score is no finite number of at most 1e300, or the board's ties do not allow it.
   * @throws {ValueTooLargeError} The data is larger than `maxBytes`.
   * @throws {ReplyError} The board cannot hold the score (code `RANGE`). Nothing was changed.
   */
  set(id: string, member: string, score: number, options?: SetScoreOptions<Data>): Promise<Placing>;
  /**
   * Adds to the score of a member, who has 0 before the first time.
   * @param by The points to add, or below 0 to take away.
   * @throws {OptionError} It is no finite number, or the board's ties do not allow it.
   * @throws {ValueTooLargeError} The data is larger than `maxBytes`.
   * @throws {ReplyError} The sum is beyond 2^53, from where on it would not be exact, or the board cannot hold it (code `RANGE`). Nothing
   * was changed.
   */
  increment(id: string, member: string, by: number, options?: IncrementOptions<Data>): Promise<Placing>;
  /**
   * Takes a member off the board, with its data.
   * @returns Whether it was on the board.
   */
  remove(id: string, member: string, options?: BoardChangeOptions): Promise<boolean>;
  /** Counts the members of a board. */
  count(id: string, options?: BoardCallOptions): Promise<number>;
}
