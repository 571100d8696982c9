import { checkCount } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { mostBits } from "./format.ts";

/** How many bits a filter has, and how many of them each item has. */
export interface FilterSize {
  readonly bits: number;
  readonly hashes: number;
}

/**
 * Finds the smallest filter that holds `capacity` items at an error rate: m = -n ln p / (ln 2)^2 bits, of which each item has
 * k = m/n ln 2. The formulas are those of B. H. Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors" (1970), as in A. Broder and
 * M. Mitzenmacher, "Network Applications of Bloom Filters: A Survey" (2004), section 2.
 * @param errorRate The chance that an item is taken for known though it is not, when the filter is full.
 */
export function sizeOf(capacity: number, errorRate: number): FilterSize {
  const bits = Math.ceil((-capacity * Math.log(errorRate)) / Math.LN2 ** 2);
  return { bits, hashes: Math.max(1, Math.round((bits / capacity) * Math.LN2)) };
}

/** @throws {OptionError} An option can never work, or the filter would not fit into one string of Redis. */
export function checkSize(capacity: number, errorRate: number, isPair: boolean): FilterSize {
  checkCount("capacity", capacity);
  if (!(errorRate >= 1e-9 && errorRate <= 0.5))
    throw new OptionError("`errorRate` must be from 1e-9 to 0.5, such as 0.01");
  // An item is looked for in both generations, and each may err.
  const size = sizeOf(capacity, isPair ? errorRate / 2 : errorRate);
  if (size.bits <= mostBits) return size;
  throw new OptionError(
    "`capacity` needs more than the 512 MB of a string of Redis; spread the items over several ids, or raise `errorRate`",
  );
}

/**
 * Estimates how many different items a filter has: -(m/k) ln(1 - X/m), where X bits are set. S. J. Swamidass and P. Baldi, "Mathematical
 * Correction for Fingerprint Similarity Measures to Improve Chemical Retrieval" (2007). Where all
 * bits are set, that would be without end: it then counts half a bit as free, which is a cautious number.
 */
export function estimateItems(set: number, { bits, hashes }: FilterSize): number {
  return set === 0 ? 0 : (-bits / hashes) * Math.log(1 - Math.min(set, bits - 0.5) / bits);
}

/** The chance that all bits of an item are set, though the item was never added. */
export function presentErrorRate(set: number, { bits, hashes }: FilterSize): number {
  return (set / bits) ** hashes;
}
