import type { Redis } from "../../port/redis.ts";
import type { Period, Span } from "../../time/period.ts";
import { boardKey, kinds, plainKinds } from "./format.ts";
import type { FirstToReach } from "./ties.ts";

/** The checked options that all calls of one `createLeaderboard` share. */
export interface BoardContext {
  readonly redis: Redis;
  /** The first part of every key: `leaderboard:prefix`. */
  readonly namespace: string;
  /** The layout of its boards. */
  readonly layout: string;
  /** What tells its boards from those of another layout and of other periods, each of which has requests of its own. */
  readonly scope: string;
  readonly period: Period | undefined;
  /** In milliseconds, 0 for ever. */
  readonly ttl: number;
  readonly order: "descending" | "ascending";
  /** How scripts rank equal scores. */
  readonly ties: "ordinal" | "competition" | "dense";
  readonly first: FirstToReach | undefined;
  /** How many members a board keeps, 0 for all. */
  readonly most: number;
  readonly maxBytes: number;
  readonly requestTtl: number;
}

/** The boards that a call may mean, and what its script needs to choose one of them by the server's clock. */
export interface Places {
  readonly keys: readonly string[];
  /** The start of the first period and the end of each. */
  readonly spans: string;
  /** What scores are multiplied by in each, empty where nothing is. */
  readonly shifts: string;
  /** An instant in each, empty without a period. */
  readonly starts: readonly string[];
}

/** @param spans The periods that follow each other, or one `undefined` for a board without any. */
export function placesOf(
  { namespace, layout, first, ties }: BoardContext,
  id: string,
  spans: readonly (Span | undefined)[],
): Places {
  const own = ties === "dense" ? kinds : plainKinds;
  const keysIn = (span?: Span) => own.map((kind) => boardKey(namespace, id, layout, kind, span?.name));
  return {
    keys: spans.length === 1 ? keysIn(spans[0]) : spans.flatMap(keysIn),
    spans: boundsOf(spans),
    shifts: first ? spans.map((span) => first.shiftIn(span)).join(" ") : "",
    starts: startsOf(spans),
  };
}

/** An instant in each period that `at` takes, too: a day of 1970 may begin before the year in UTC. */
export function startsOf(spans: readonly (Span | undefined)[]): string[] {
  return spans.map((span) => (span ? String(Math.max(0, span.start)) : ""));
}

export function boundsOf(spans: readonly (Span | undefined)[]): string {
  return spans.flatMap((span, i) => (span ? [...(i === 0 ? [span.start] : []), span.end] : [])).join(" ");
}
