import { createInternals, insideOf } from "../../internals.ts";
import type { Redis } from "../../port/redis.ts";
import { type Period, type Span, spanAt, spansAround } from "../../time/period.ts";
import { filterKey, type Shape } from "./format.ts";
import { fingerprint, placesOf, publicHash, secretHash } from "./hash.ts";
import type { BloomFilter } from "./options.ts";
import type { FilterSize } from "./size.ts";

/** The checked options that all calls of one `createBloomFilter` share. */
export interface FilterContext {
  readonly redis: Redis;
  /** The first part of every key: `bloom:prefix`. */
  readonly namespace: string;
  readonly size: FilterSize;
  readonly secret: string | undefined;
  /** In milliseconds; 0 is for ever. Of a filter with generations: how long after its end each is kept. */
  readonly ttl: number;
  readonly generations: Period | undefined;
  readonly requestTtl: number;
}

export const filterInternals = /* @__PURE__ */ createInternals<FilterContext>("bloom filter");

export function contextOf(filter: BloomFilter): FilterContext {
  return insideOf(filterInternals, filter, "`filter` must be what createBloomFilter returned");
}

/** What tells filters with generations from those without, each of which has requests of its own. */
export function scopeOf({ generations }: FilterContext): string {
  return generations ? `:${generations.name}` : "";
}

/** What a call asks for: the shape of its filter, and the places of the bits of all items, one item after the other. */
export interface Question {
  readonly shape: Shape;
  readonly places: number[];
}

/** Only a secret takes time. */
export function questionOf({ size, secret }: FilterContext, items: readonly string[]): Question | Promise<Question> {
  if (secret !== undefined) return secretQuestion(size, secret, items);
  return { shape: { ...size, secret: 0 }, places: items.flatMap((item) => placesOf(publicHash(item), size)) };
}

async function secretQuestion(size: FilterSize, secret: string, items: readonly string[]): Promise<Question> {
  const hashes = await Promise.all(items.map((item) => secretHash(item, secret)));
  const shape = { ...size, secret: await fingerprint(secret) };
  return { shape, places: hashes.flatMap((hash) => placesOf(hash, size)) };
}

/**
 * The keys of a filter as its scripts take them: one, or those of four generations, of which the server's clock chooses two that follow each
 * other. `bounds` has the start of the second, and the end of it and of those after it.
 */
export function locate({ namespace, generations }: FilterContext, id: string, now: number) {
  if (!generations) return { filters: [filterKey(namespace, id)], bounds: "" };
  const around = spansAround(generations, now);
  const [first = spanAt(generations, now)] = around;
  const all: readonly Span[] = [spanAt(generations, first.start - 1), ...around];
  return {
    filters: all.map((span) => filterKey(namespace, id, span)),
    bounds: [first.start, ...around.map(({ end }) => end)].join(" "),
  };
}
