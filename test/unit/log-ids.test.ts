import fc from "fast-check";
import { expect, it } from "vitest";
import { isAbove } from "../../src/core/stream-id.ts";

const greatest = 2n ** 64n - 1n;
/** Neighbours, other numbers of digits, and numbers that a double does not hold. */
const part = fc.oneof(
  fc.bigInt({ min: 0n, max: 12n }),
  fc.bigInt({ min: 95n, max: 105n }),
  fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 53n + 2n }),
  fc.bigInt({ min: greatest - 2n, max: greatest }),
  fc.bigInt({ min: 0n, max: greatest }),
);
const id = fc.tuple(part, part);

type Compare = (id: string, other: string) => boolean;

/** Whether a comparison is right in all runs. */
function isRight(compare: Compare): boolean {
  const property = fc.property(id, id, ([time, number], [otherTime, otherNumber]) => {
    const wanted = time === otherTime ? number > otherNumber : time > otherTime;
    return compare(`${time}-${number}`, `${otherTime}-${otherNumber}`) === wanted;
  });
  return !fc.check(property, { numRuns: 2_000, seed: 20_261_127 }).failed;
}

it("orders the ids of a log by their numbers, whatever their digits", () => {
  expect(isRight(isAbove)).toBe(true);
});

it.each<[string, Compare]>([
  ["texts", (one, other) => one > other],
  ["texts of one length", (one, other) => (one.length === other.length ? one > other : one.length > other.length)],
  ["doubles", (one, other) => Number(one.replace("-", ".")) > Number(other.replace("-", "."))],
])("would notice ids that are compared as %s", (_, compare) => {
  expect(isRight(compare)).toBe(false);
});
