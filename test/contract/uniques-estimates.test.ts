import { beforeAll, expect, it } from "vitest";
import { approximate, type CountKind, createUniques, hybrid } from "../../src/core/patterns/uniques/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { brokenHybrids } from "../fixtures/uniques-kinds.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

const numbered = (count: number, name: string) => Array.from({ length: count }, (_, i) => `${name}${i}`);

function inBatches(members: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(members.length / size) }, (_, i) => members.slice(i * size, (i + 1) * size));
}

/** How far estimates are off, as shares of the true number. */
function isWithinBounds(errors: readonly number[]): boolean {
  const square = errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length;
  return Math.sqrt(square) <= 0.01 && errors.every((error) => Math.abs(error) <= 0.033);
}

onEveryBackend("estimates of uniques", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (count: CountKind) =>
    createUniques(redis, { ttl: minutes(10), prefix: `${backend.prefix}:${(number += 1)}`, count });

  backend.it(
    "are within 1 % on the whole and 3.3 % each, over fifty sets of members",
    async () => {
      const size = sized(100_000, 5_000);
      const visitors = open(approximate());
      const errors: number[] = [];
      for (let seed = 0; seed < 50; seed += 1) {
        for (const batch of inBatches(numbered(size, `${seed}:`), 1_000)) await visitors.add(`${seed}`, batch);
        errors.push((await visitors.count(`${seed}`)).count / size - 1);
      }
      expect(isWithinBounds(errors)).toBe(true);
    },
    sized(600_000, 60_000),
  );

  it("would be found, if they were off by more", () => {
    const good = Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? 0.008 : -0.008));
    expect(isWithinBounds(good)).toBe(true);
    expect(isWithinBounds([...good.slice(1), 0.04])).toBe(false);
    expect(isWithinBounds(good.map((error) => error * 1.3))).toBe(false);
  });

  backend.it("begin behind the threshold: every count up to it is exact", async () => {
    const visitors = open(hybrid({ exactUntil: 20 }));
    for (let count = 1; count <= 20; count += 1) {
      expect(await visitors.add("home", `${count}`)).toEqual({ added: 1, exact: true });
      if (count % 10 === 0) expect(await visitors.count("home")).toEqual({ count, exact: true, errorBound: 0 });
    }
    expect(await visitors.add("home", "20")).toEqual({ added: 0, exact: true });
    await visitors.add("home", "21");
    expect(await visitors.count("home")).toMatchObject({ count: 21, exact: false });
  });

  /** What a hybrid counter lost, when so many callers add at once: estimates of the same members are the same. */
  const lost = async (kind: CountKind, calls: readonly (readonly string[])[], first: readonly string[] = []) => {
    const [visitors, plain] = [open(kind), open(approximate())];
    for (const batch of inBatches(first, 1_000)) await visitors.add("home", batch);
    await Promise.all(calls.map((members) => visitors.add("home", members)));
    const all = [...first, ...calls.flat()];
    for (const batch of inBatches(all, 1_000)) await plain.add("home", batch);
    const [found, whole] = [await visitors.count("home"), await plain.count("home")];
    let missing = Math.abs(found.count - whole.count);
    for (const batch of inBatches(all, 1_000)) missing += (await visitors.add("home", batch)).added;
    return { missing, exact: found.exact };
  };
  const crowd = () => numbered(500, "visitor ").map((member) => [member]);

  backend.it("lose no member where 500 are added at once and the set becomes an estimate meanwhile", async () => {
    expect(await lost(hybrid({ exactUntil: 250 }), crowd())).toEqual({ missing: 0, exact: false });
  });

  backend.it("lose no member of a set of 10,000 and a call of 1,000", async () => {
    const calls = [numbered(1_000, "last ")];
    const result = await lost(hybrid({ exactUntil: 10_000 }), calls, numbered(10_000, "first "));
    expect(result).toEqual({ missing: 0, exact: false });
  });

  it.each(backend.share(Object.entries(brokenHybrids)))("would be found, if one %s", async (_, broken) => {
    const results = [
      await lost(broken(250), crowd()),
      await lost(broken(2_000), [numbered(1_000, "last ")], numbered(2_000, "first ")),
    ];
    expect(results.reduce((sum, { missing }) => sum + missing, 0)).toBeGreaterThan(0);
  });

  backend.it(
    "become one also where the threshold was higher when their members came, and stay one where it is raised",
    async () => {
      const prefix = `${backend.prefix}:threshold`;
      const at = (exactUntil: number) =>
        createUniques(redis, { prefix, ttl: minutes(10), count: hybrid({ exactUntil }) });
      for (const batch of inBatches(numbered(3_000, "m"), 1_000)) await at(10_000).add("home", batch);
      expect(await at(100).count("home")).toMatchObject({ count: 3_000, exact: true });
      expect(await at(100).add("home", "m1")).toEqual({ added: 0, exact: true });
      const { count, exact } = await at(10_000).count("home");
      expect([Math.abs(count - 3_000) < 99, exact]).toEqual([true, false]);
      expect(await at(10_000).add("home", numbered(1_000, "m"))).toEqual({ added: 0, exact: false });
    },
  );
});
