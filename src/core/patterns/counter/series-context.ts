import { keyOf } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { type Period, spanAt } from "../../time/period.ts";

/** What the operations of one `createSeries` share. */
export interface SeriesContext {
  readonly redis: Redis;
  /** What its keys begin with. */
  readonly namespace: string;
  /** The length of a bucket, in milliseconds. */
  readonly bucket: number;
  /** In milliseconds. */
  readonly age: number;
  readonly requestTtl: number;
  /** The pages. The length of a page is a part of its name, and so of its key. */
  readonly pages: Period;
}

/** Pages that follow each other. */
export interface Pages {
  /** The start of the first one, in milliseconds since 1970. */
  readonly first: number;
  readonly pages: readonly string[];
}

/** The pages from that of one instant to that of another. */
export function pagesBetween({ namespace, pages }: SeriesContext, id: string, from: number, to: number): Pages {
  let span = spanAt(pages, from);
  const { start: first } = span;
  const keys = [keyOf(namespace, id, span.name)];
  while (span.end <= to) {
    span = spanAt(pages, span.end);
    keys.push(keyOf(namespace, id, span.name));
  }
  return { first, pages: keys };
}
