import type { ChangeOptions } from "../../request.ts";
import type { ReadOptions } from "./options.ts";

/** Options of `createSeries`. */
export interface SeriesOptions {
  /** The name of these series. Their keys begin with `series:` and the prefix. */
  readonly prefix: string;
  /**
   * The length of a bucket, in milliseconds, from one second to 366 days. Buckets follow each other since the start of 1970 in UTC. Another
   * length means other keys: what was counted in buckets of one length is not seen in those of another.
   */
  readonly bucket: number;
  /** What is kept. */
  readonly keep: {
    /** For how long a bucket is kept after its end, in milliseconds: at least one bucket, and at most a million. */
    readonly age: number;
  };
  /**
   * For how long a call with a `requestId` is remembered, in milliseconds: a minute or more. A repetition that comes later counts again.
   * @default hours(24)
   */
  readonly requestTtl?: number | undefined;
}

/** Options of an increment of a series. */
export interface SeriesIncrementOptions extends ChangeOptions {
  /**
   * When it happened, in milliseconds since 1970, for what is counted late. What is older than `keep.age` is not counted.
   * @default the server's time
   */
  readonly at?: number | undefined;
}

/** Which buckets are read: the last ones, or those between two instants. At most 10,080, which are a week of minutes. */
export type SeriesRange = ReadOptions &
  (
    | {
        /**
         * The length of the range, in milliseconds, up to `keep.age`. It ends with the bucket that the server's time is in, which is still
         * being counted in: with buckets of a minute, `hours(1)` means this minute and the 59 before it.
         */
        readonly last: number;
        readonly from?: undefined;
        readonly to?: undefined;
      }
    | {
        /** An instant in the first bucket, in milliseconds since 1970. */
        readonly from: number;
        /** The first instant that is not in the range any more, in milliseconds since 1970. */
        readonly to: number;
        readonly last?: undefined;
      }
  );

/** One bucket. */
export interface SeriesPoint {
  /** Its start, in milliseconds since 1970. */
  readonly at: number;
  /** What was counted in it, 0 if nothing was. */
  readonly value: number;
}

/** Counts over time, each series with an id. All counts are whole numbers from -(2^53 - 1) to 2^53 - 1. */
export interface Series {
  /**
   * Adds to a bucket: that of the server's time, or that of `at`.
   * @param by What is added, a whole number. It may be negative.
   * @default by: 1
   * @returns The new value of the bucket. It is 0 where `at` is older than what is kept; nothing was counted then.
   * @throws {OptionError} An argument can never work, or `at` is more than one bucket after the server's time.
   * @throws {ReplyError} The bucket would leave the range of exact numbers (code `OVERFLOW`), or the key holds something else
   * than counts (`SHAPE`, `WRONGTYPE`). Nothing was changed.
   */
  increment(id: string, by?: number, options?: SeriesIncrementOptions): Promise<number>;
  /**
   * Reads buckets, in one trip.
   * @returns The buckets, oldest first, those without a count included. Buckets that are older than `keep.age`, or have not begun by the
   * server's time, are left out.
   * @throws {OptionError} An argument can never work, such as a range of too many buckets.
   */
  range(id: string, range: SeriesRange): Promise<SeriesPoint[]>;
}
