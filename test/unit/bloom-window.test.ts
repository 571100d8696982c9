import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { memory } from "../../src/adapters/memory/index.ts";
import {
  type BloomFilter,
  type BloomFilterOptions,
  createBloomFilter,
  describeFilter,
} from "../../src/core/patterns/bloom/index.ts";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { sized } from "../support/long.ts";

const redis = memory({ timeout: 60_000 });
afterAll(() => redis.close());
let number = 0;
const open = (memory: object = { window: hours(1) }) => {
  const options = { prefix: `app:${(number += 1)}`, capacity: 1_000, errorRate: 1e-6, ...memory };
  return createBloomFilter(redis, options as BloomFilterOptions);
};

const step = fc.record({ item: fc.nat(4), wait: fc.nat(hours(1.5)) });

/** The first item that a filter forgot within its window, or remembered for more than two. */
async function firstMistake(
  filter: BloomFilter,
  steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[],
) {
  const addedAt = new Map<string, number>();
  let now = 0;
  for (const { item, wait } of steps) {
    const name = `item ${item}`;
    const age = now - (addedAt.get(name) ?? -Infinity);
    const isKnown = await filter.mightContain("a", name);
    // The clock goes on while the test runs.
    if (age < hours(1) - minutes(1) && !isKnown) return `forgot ${name} after ${age}`;
    if (age > hours(2) && isKnown) return `knew ${name} after ${age}`;
    const { added } = await filter.add("a", name);
    if (added === isKnown) return `said ${added} of ${name} after ${age}`;
    addedAt.set(name, now);
    redis.advance(wait);
    now += wait;
  }
  return undefined;
}

const numRuns = sized(300, 15);
const check = (make: () => BloomFilter) =>
  fc.check(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 20, size: "max" }), async (steps) => {
      expect(await firstMistake(make(), steps)).toBeUndefined();
    }),
    { numRuns, seed: 20_261_127, endOnFailure: true },
  );

describe("a Bloom filter that forgets", () => {
  it("remembers an item for its window at least, and for two at most", async () => {
    expect((await check(() => open())).counterexample).toBeNull();
  }, 60_000);

  it.each<[string, Pick<BloomFilterOptions, "ttl" | "window">]>([
    ["forgets after half of its window", { window: minutes(30) }],
    ["remembers for twice its window", { window: hours(2) }],
    ["never forgets", { ttl: "permanent" }],
  ])(
    "would be found, if it %s",
    async (_, broken) => {
      const { counterexample, errorInstance } = await check(() => open(broken));
      expect(counterexample).not.toBeNull();
      expect(String(errorInstance)).toMatch(/forgot|knew/);
    },
    60_000,
  );

  it("tells of both generations how full they are", async () => {
    const filter = open();
    await filter.add("a", "x");
    redis.advance(hours(1));
    await filter.add("a", "x");
    const { estimatedItems } = await describeFilter(filter, "a");
    expect(estimatedItems).toBeCloseTo(2, 1);
    redis.advance(hours(2));
    expect(await describeFilter(filter, "a")).toMatchObject({ fill: 0, estimatedItems: 0 });
  });

  it("leaves no key when its last generation has ended", async () => {
    await redis.flush();
    const filter = open();
    await filter.add("a", "x");
    redis.advance(hours(3));
    expect(await redis.send(["KEYS", "*"])).toEqual([]);
  });
});
