import { checkText } from "../../check.ts";
import { digest } from "../../crypto.ts";
import { OptionError } from "../../errors.ts";
import { placeOf } from "./format.ts";
import { murmur, type Words } from "./murmur.ts";
import type { FilterSize } from "./size.ts";

const encoder = /* @__PURE__ */ new TextEncoder();

/** Hashes an item by the hash that everybody knows. */
export function publicHash(item: string): Words {
  return murmur(encoder.encode(item));
}

/** Hashes an item so that nobody without the secret can tell its bits. */
export async function secretHash(item: string, secret: string): Promise<Words> {
  return firstWords(await digest("SHA-256", `item:${secret}:${item}`));
}

/** Tells secrets apart and tells nothing of them. It is never 0, which means that there is none. */
export async function fingerprint(secret: string): Promise<number> {
  const [first] = firstWords(await digest("SHA-256", `fingerprint:${secret}`));
  return Math.max(1, first);
}

function firstWords(bytes: Uint8Array): Words {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)];
}

/**
 * Finds the places of an item's bits, by enhanced double hashing: two numbers made from one hash stand for any number of hashes.
 * A. Kirsch and M. Mitzenmacher, "Less Hashing, Same Performance" (2006); P. Dillinger and P. Manolios, "Bloom Filters in Probabilistic
 * Verification" (2004), whose growing step keeps the places apart where the second number is 0.
 */
export function placesOf([a, b, c, d]: Words, { bits, hashes }: FilterSize): number[] {
  // 53 bits, the most that a number holds exactly. 32 would make the lower half of a large filter twice as likely as the upper.
  let bit = (a * 2 ** 21 + (b >>> 11)) % bits;
  let step = (c * 2 ** 21 + (d >>> 11)) % bits;
  const places = [placeOf(bit)];
  for (let i = 1; i < hashes; i += 1) {
    bit = reduce(bit + step, bits);
    step = reduce(step + i, bits);
    places.push(placeOf(bit));
  }
  return places;
}

/** The remainder of a number that is mostly below twice the divisor, which a division of large numbers takes longer for. */
function reduce(number: number, bits: number): number {
  const rest = number < bits ? number : number - bits;
  return rest < bits ? rest : rest % bits;
}

/** The most items of one call, so that its work on the server is bounded. */
const mostItems = 100;

/** @throws {OptionError} An item is no text, or has a lone surrogate: different items would then be one in UTF-8. */
export function checkItems(items: readonly string[]): readonly string[] {
  if (!Array.isArray(items) || items.length > mostItems) {
    throw new OptionError(`\`items\` must be an array of at most ${mostItems}; make several calls`);
  }
  for (const item of items) checkItem(item);
  return items;
}

export function checkItem(item: string): void {
  if (/\p{Surrogate}/u.test(checkText("item", item))) {
    throw new OptionError("`item` must be well-formed text; encode what may have a lone surrogate");
  }
}

export function checkSecret(secret: string | undefined): string | undefined {
  if (secret === undefined || checkText("secret", secret).length >= 32) return secret;
  throw new OptionError("`secret` must have at least 32 random characters");
}
