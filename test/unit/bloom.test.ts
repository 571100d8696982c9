import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headerBits, mostBits, placeOf } from "../../src/core/patterns/bloom/format.ts";
import { fingerprint, placesOf, publicHash, secretHash } from "../../src/core/patterns/bloom/hash.ts";
import { murmur } from "../../src/core/patterns/bloom/murmur.ts";
import { sized } from "../support/long.ts";
import { checkSize, estimateItems, presentErrorRate, sizeOf } from "../../src/core/patterns/bloom/size.ts";

const seed = 20_261_127;
const word = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const words = fc.tuple(word, word, word, word);
const sizes = fc.record({
  bits: fc.oneof(fc.integer({ min: 2, max: mostBits }), fc.constant(mostBits), fc.integer({ min: 2, max: 200 })),
  hashes: fc.integer({ min: 1, max: 31 }),
});

describe("the hash of an item", () => {
  it("is MurmurHash3 x86 128: its author's sum over all lengths and tails", () => {
    const hexOf = (bytes: Uint8Array, from: number) => {
      const hash = new DataView(new ArrayBuffer(16));
      murmur(bytes, from).forEach((one, i) => hash.setUint32(i * 4, one, true));
      return new Uint8Array(hash.buffer);
    };
    const all = new Uint8Array(256 * 16);
    const key = Uint8Array.from({ length: 256 }, (_, i) => i);
    for (let i = 0; i < 256; i += 1) all.set(hexOf(key.subarray(0, i), 256 - i), i * 16);
    expect(new DataView(hexOf(all, 0).buffer).getUint32(0, true)).toBe(0xb3ece62a);
  });

  it("never changes, since filters that are stored depend on it", async () => {
    const size = { bits: 9_585_059, hashes: 7 };
    const secret = "0123456789abcdef0123456789abcdef";
    const known = ["a", "漢é😀", "https://example.org/?q=1"].map(publicHash);
    expect(known.map((hash) => placesOf(hash, size))).toMatchInlineSnapshot(`
      [
        [
          2820660,
          805228,
          8374856,
          6359427,
          4344001,
          2328579,
          313162,
        ],
        [
          4686740,
          4457662,
          4228585,
          3999510,
          3770438,
          3541370,
          3312307,
        ],
        [
          464655,
          2781579,
          5098504,
          7415431,
          147302,
          2464236,
          4781175,
        ],
      ]
    `);
    expect(placesOf(await secretHash("a", secret), size)).toMatchInlineSnapshot(`
      [
        8243951,
        5251577,
        2259204,
        8851892,
        5859524,
        2867160,
        9459860,
      ]
    `);
    expect(await fingerprint(secret)).toMatchInlineSnapshot(`1354629637`);
  });

  it("is the same for the same text, and for no other one of thousands", () => {
    const texts = fc.uniqueArray(fc.string({ unit: "grapheme", maxLength: 20 }), { maxLength: 50 });
    const property = fc.property(texts, (all) => {
      const once = all.map(publicHash);
      expect(all.map(publicHash)).toEqual(once);
      expect(new Set(once.map((hash) => hash.join(" "))).size).toBe(all.length);
    });
    fc.assert(property, { seed, numRuns: 50 });
  });

  it("gives places inside of the filter alone, as exact arithmetic does, up to the largest filter", () => {
    expect(wrongPlaces(placesOf)).toEqual(undefined);
  });

  it.each<[string, typeof placesOf]>([
    ["overflows 31 bits", (hash, size) => placesOf(hash, size).map((place) => place | 0)],
    ["takes the remainder of a negative number", ([a], { bits, hashes }) => exact([a | 0, 0, 0, 0], bits, hashes)],
    ["rounds 64 bits", ([a, b, c, d], { bits, hashes }) => rounded([a, b, c, d], bits, hashes)],
    ["has one hash less", (hash, { bits, hashes }) => placesOf(hash, { bits, hashes: hashes - 1 })],
  ])("would be found, if it %s", (_, broken) => {
    expect(wrongPlaces(broken)).toBeDefined();
  });

  it("reaches all parts of a filter of 512 MB alike, which 32 bits would not", () => {
    const bits = 3 * 2 ** 30;
    const random = Array.from({ length: 4_000 }, (_, i) => murmur(new TextEncoder().encode(`item ${i}`)));
    const low = random.filter((hash) => (placesOf(hash, { bits, hashes: 1 })[0] ?? 0) < 2 ** 30).length;
    expect(Math.abs(low / 4_000 - 1 / 3)).toBeLessThan(0.03);
    expect(random.filter(([a]) => a % bits < 2 ** 30).length / 4_000).toBeGreaterThan(0.45);
  });
});

/** A hash whose places are outside of the filter, or others than without rounding. */
function wrongPlaces(find: typeof placesOf): unknown {
  const property = fc.property(words, sizes, (hash, size) => {
    const places = find(hash, size);
    const isInside = places.every((place) => place >= headerBits && place < placeOf(size.bits));
    const { bits, hashes } = size;
    return isInside && JSON.stringify(places) === JSON.stringify(exact(hash, bits, hashes));
  });
  return fc.check(property, { seed, numRuns: 500 }).counterexample ?? undefined;
}

/** The same in whole numbers of any length: the i-th place is x + i y + (i^3 - i) / 6. */
function exact([a, b, c, d]: readonly [number, number, number, number], bits: number, hashes: number): number[] {
  const [x, y] = [(BigInt(a) << 21n) + (BigInt(b) >> 11n), (BigInt(c) << 21n) + (BigInt(d) >> 11n)];
  return Array.from({ length: hashes }, (_, n) => {
    const i = BigInt(n);
    return headerBits + Number((x + i * y + (i ** 3n - i) / 6n) % BigInt(bits));
  });
}

function rounded([a, b, c, d]: readonly [number, number, number, number], bits: number, hashes: number): number[] {
  const [x, y] = [a * 2 ** 32 + b, c * 2 ** 32 + d];
  return Array.from({ length: hashes }, (_, i) => headerBits + ((x + i * y + (i ** 3 - i) / 6) % bits));
}

describe("the errors of a filter", () => {
  /** The share of strangers that a full filter takes for known, without Redis. */
  function rateOf(capacity: number, errorRate: number): number {
    const size = sizeOf(capacity, errorRate);
    const bits = new Uint8Array(placeOf(size.bits));
    const placesOfText = (text: string) => placesOf(murmur(new TextEncoder().encode(text)), size);
    for (let i = 0; i < capacity; i += 1) for (const place of placesOfText(`known ${i}`)) bits[place] = 1;
    const strangers = Math.ceil(500 / errorRate);
    let errors = 0;
    for (let i = 0; i < strangers; i += 1) {
      if (placesOfText(`stranger ${i}`).every((place) => bits[place] === 1)) errors += 1;
    }
    return errors / strangers;
  }

  const few: readonly (readonly [number, number])[] = [
    [100, 0.1],
    [1_000, 0.1],
    [1_000, 0.01],
    [20_000, 0.01],
  ];
  const more: typeof few = [
    [20_000, 0.1],
    [100_000, 0.005],
    [1_000_000, 0.01],
    [1_000_000, 0.001],
  ];

  it.each([...few, ...sized(more, [])])(
    "are within 1.2 times the rate that was asked for, with %d items at %d",
    (capacity, errorRate) => {
      expect(rateOf(capacity, errorRate)).toBeLessThan(1.2 * errorRate);
    },
    600_000,
  );
});

describe("the size of a filter", () => {
  it.each([
    [1_000_000, 0.01, 9_585_059, 7],
    [1_000_000, 0.001, 14_377_588, 10],
    [1, 0.5, 2, 1],
    [100, 1e-9, 4_314, 30],
  ])("for %d items at %d is %d bits and %d of each", (capacity, errorRate, bits, hashes) => {
    expect(sizeOf(capacity, errorRate)).toEqual({ bits, hashes });
  });

  it("is refused beyond the 512 MB of a string, with what to do about it", () => {
    expect(checkSize(448_000_000, 0.01, false).bits).toBeLessThanOrEqual(mostBits);
    expect(() => checkSize(449_000_000, 0.01, false)).toThrow(/`capacity`.*several ids.*`errorRate`/);
    expect(() => checkSize(448_000_000, 0.01, true)).toThrow(/`capacity`/);
  });

  it.each([0, -1, 1.5, Number.NaN, Infinity, "5", null])("is not made of %j items", (capacity) => {
    expect(() => checkSize(capacity as number, 0.01, false)).toThrow(/`capacity`/);
  });

  it.each([0, 1, 0.6, 1e-10, Number.NaN, -0.01, "x", null])("is not made for an error rate of %j", (errorRate) => {
    expect(() => checkSize(1_000, errorRate as number, false)).toThrow(/`errorRate`/);
  });

  it("tells how many items it has and how often it errs from the bits that are set", () => {
    const size = sizeOf(10_000, 0.01);
    const expected = size.bits * (1 - Math.exp((-size.hashes * 10_000) / size.bits));
    expect(estimateItems(expected, size)).toBeCloseTo(10_000, 6);
    expect(presentErrorRate(expected, size)).toBeCloseTo(0.01, 3);
    expect(estimateItems(0, size)).toBe(0);
    expect(presentErrorRate(0, size)).toBe(0);
    expect(estimateItems(size.bits, size)).toBeLessThan(Infinity);
  });
});
