import { keyOf } from "../../keys.ts";
import type { Span } from "../../time/period.ts";
import { BloomFilterMismatchError } from "./errors.ts";

// A filter is one string: a header of five unsigned numbers of 32 bits, then the bits. So one command reads both.

/** The first number of the header: `rpb` and the version of the format, 1. */
const mark = 0x72_70_62_01;

/** The length of the header. The first bit of the filter follows it. */
export const headerBits = 160;

/** The most bits that a string of Redis holds: 512 MB. */
export const mostBits = 2 ** 32 - headerBits;

/** What decides which bits an item has. Filters of different shapes know nothing of each other's items. */
export interface Shape {
  /** The number of bits. */
  readonly bits: number;
  /** The number of bits of each item. */
  readonly hashes: number;
  /** 0 for the hash that everybody knows, else a fingerprint of the secret. */
  readonly secret: number;
}

/** The stored numbers of the header, in their order. */
export function headerOf({ bits, hashes, secret }: Shape): readonly number[] {
  return [mark, bits, hashes, secret];
}

/** Where the header has the number of bits that are set. */
export const countAt = 128;

/** The arguments of BITFIELD that read the header. */
export const readHeader = [
  "GET",
  "u32",
  0,
  "GET",
  "u32",
  32,
  "GET",
  "u32",
  64,
  "GET",
  "u32",
  96,
  "GET",
  "u32",
  countAt,
];

/** How many numbers the header has. The bits that were asked for come after them. */
export const headerLength = 5;

/** The place of a bit in the string. */
export function placeOf(bit: number): number {
  return headerBits + bit;
}

/** The bytes that a filter takes. All of them are taken by the first item. */
export function bytesOf(bits: number): number {
  return Math.ceil((headerBits + bits) / 8);
}

/** The key of a filter, or of one generation of a filter that forgets. */
export function filterKey(namespace: string, id: string, generation?: Span): string {
  return keyOf(namespace, id, generation === undefined ? "filter" : `filter:${generation.name}`);
}

/** What one string holds of a filter. */
export interface StoredFilter {
  /** The number of bits that are set, 0 where there is no filter yet. */
  readonly count: number;
  /** The bits that were asked for. */
  readonly bits: readonly number[];
}

/**
 * Reads what BITFIELD answered to `readHeader` and to further reads of bits.
 * @throws {BloomFilterMismatchError} The filter has another shape, or the string is no filter.
 */
export function decodeFilter(numbers: readonly number[], shape: Shape): StoredFilter {
  const { [headerLength - 1]: count = 0 } = numbers;
  const isSame = headerOf(shape).every((number, i) => number === numbers[i]);
  // A key that is absent has no bit that is set.
  if (isSame || numbers.every((number) => number === 0)) return { count, bits: numbers.slice(headerLength) };
  throw mismatch(numbers, shape);
}

/** Says which option it is that the filter was made with otherwise. */
export function mismatch([storedMark, bits, hashes]: readonly number[], shape: Shape): BloomFilterMismatchError {
  if (storedMark !== mark) {
    return new BloomFilterMismatchError("The key holds no Bloom filter of this version; choose another `prefix`");
  }
  const isResized = bits !== shape.bits || hashes !== shape.hashes;
  const what = isResized ? "`capacity` or `errorRate`" : "`secret`";
  return new BloomFilterMismatchError(
    `The filter was made with another ${what}; give the same as then, choose another \`prefix\`, or clear the filter`,
  );
}
