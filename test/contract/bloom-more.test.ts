import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import {
  addMany,
  type BloomFilter,
  type BloomFilterOptions,
  createBloomFilter,
  mightContainMany,
} from "../../src/core/patterns/bloom/index.ts";
import type { Arg, Command, Redis } from "../../src/core/port/redis.ts";
import { integers, texts } from "../../src/core/port/reply.ts";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import stored from "../fixtures/bloom-v1.json" with { type: "json" };
import { restore } from "../fixtures/restore.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

onEveryBackend(
  "what a Bloom filter answers",
  (backend) => {
    let redis: Redis;
    let number = 0;
    beforeAll(async () => {
      redis = await backend.connect();
    });
    const open = (options: object, port = redis) => {
      const usual = { prefix: `${backend.prefix}:${(number += 1)}`, capacity: 1_000 };
      return createBloomFilter(port, { ...usual, ...options } as BloomFilterOptions);
    };

    const hundreds = (name: string, items: number) =>
      Array.from({ length: items / 100 }, (_, i) => Array.from({ length: 100 }, (_, n) => `${name} ${i} ${n}`));

    /** Fills a filter, and gives the share of strangers that it takes for known. */
    const rateOf = async (filter: BloomFilter, capacity: number, strangers = capacity) => {
      for (const items of hundreds("known", capacity)) await addMany(filter, "a", items);
      let errors = 0;
      for (const items of hundreds("stranger", strangers)) {
        errors += (await mightContainMany(filter, "a", items)).filter(Boolean).length;
      }
      return errors / strangers;
    };

    backend.it(
      "is wrong about at most 1.2 times the share of strangers that was asked for, when it is full",
      async () => {
        const capacity = sized(1_000_000, 20_000);
        expect(await rateOf(open({ capacity, ttl: minutes(10) }), capacity)).toBeLessThan(0.012);
      },
      600_000,
    );

    backend.it("would be found to be wrong too often, if a test asked for one bit less of each item", async () => {
      const hashes = 7;
      const lazy = changeCommands(redis, (command) =>
        command[0] === "BITFIELD_RO" ? askedAgain(command, hashes) : command,
      );
      expect(await rateOf(open({ capacity: 2_000, ttl: minutes(10) }, lazy), 2_000, 5_000)).toBeGreaterThan(0.012);
    });

    const step = fc.record({
      act: fc.constantFrom("add", "add", "add", "add many", "clear"),
      id: fc.constantFrom("a", "b"),
      items: fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 }),
    });
    type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

    /** What a filter said against the truth: that an item is new which it was given, or does not contain it. */
    const firstLie = async (filter: BloomFilter, steps: readonly Step[]) => {
      const truth = { a: new Set<string>(), b: new Set<string>() };
      for (const { act, id, items } of steps) {
        const [first = ""] = items;
        const given = act === "add" ? [first] : items;
        if (act === "clear") {
          await filter.clear(id);
          truth[id as "a"].clear();
        } else {
          const added = act === "add" ? [(await filter.add(id, first)).added] : await addMany(filter, id, items);
          const lie = given.find((item, i) => added[i] && (truth[id as "a"].has(item) || given.indexOf(item) < i));
          if (lie !== undefined) return `said that ${lie} was new`;
          for (const item of given) truth[id as "a"].add(item);
        }
        const all = [...truth[id as "a"]].slice(0, 100);
        const known = await mightContainMany(filter, id, all);
        if (known.includes(false)) return `forgot ${all[known.indexOf(false)]}`;
      }
      return undefined;
    };
    const check = (make: () => BloomFilter, numRuns: number) =>
      fc.check(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 15, size: "max" }), async (steps) => {
          expect(await firstLie(make(), steps)).toBeUndefined();
        }),
        { numRuns, seed: 20_261_127, endOnFailure: true },
      );

    it.each([
      ["that lasts", { ttl: minutes(10) }],
      ["that forgets", { window: hours(1) }],
      ["with a secret", { ttl: minutes(10), secret: "s".repeat(32) }],
      ["of one bit an item", { ttl: minutes(10), capacity: 3, errorRate: 0.5 }],
    ])(
      "is never that an item is new which it was given: one %s",
      async (_, options) => {
        expect((await check(() => open(options), sized(100, 4))).counterexample).toBeNull();
      },
      60_000,
    );

    backend.it(
      "would be found to be a lie, if a bit were lost or set twice",
      async () => {
        const forgetful = changeCommands(redis, (command) => {
          return command[0] === "EVALSHA" && Number(command[2]) > 1 ? withoutLastPlace(command) : command;
        });
        const found = await check(() => open({ ttl: minutes(10) }, forgetful), 20);
        expect(String(found.errorInstance)).toMatch(/forgot|new/);
      },
      60_000,
    );

    it("knows an item of the generation before, and none of an older one", async () => {
      const options = { window: hours(1) };
      const filter = open(options);
      await filter.add("a", "x");
      const keys = (await backend.keys()).filter((key) => key.includes(`:${number}:{a}:filter:`));
      expect(keys).toHaveLength(1);
      const [key = ""] = keys;
      const start = Number(key.split(":").at(-1));
      const back = (hoursAgo: number) => key.replace(String(start), String(start - hours(hoursAgo)));
      await redis.send(["RENAME", key, back(1)]);
      expect(await filter.mightContain("a", "x")).toBe(true);
      expect(await filter.add("a", "x")).toEqual({ added: false });
      // It was written into the present one as well.
      await redis.send(["DEL", back(1)]);
      expect(await filter.mightContain("a", "x")).toBe(true);
      await redis.send(["RENAME", key, back(2)]);
      expect(await filter.mightContain("a", "x")).toBe(false);
      await redis.send(["DEL", back(2)]);
    });

    it("keeps a generation until the end of the next one", async () => {
      const filter = open({ window: hours(1) });
      await filter.add("a", "x");
      const [key = ""] = (await backend.keys()).filter((one) => one.includes(`:${number}:{a}:filter:`));
      const start = Number(key.split(":").at(-1));
      const [seconds = "", microseconds = ""] = texts(await redis.send(["TIME"]));
      const now = Number(seconds) * 1_000 + Number(microseconds) / 1_000;
      const left = Number(await redis.send(["PTTL", key]));
      expect(Math.abs(now + left - (start + hours(2)))).toBeLessThan(2_000);
    });

    backend.itHasOwnClock("does not depend on the caller's clock", async () => {
      const port = withFaults(redis);
      const filter = open({ window: hours(1) }, port);
      const now = Date.now;
      try {
        await filter.add("a", "x");
        await filter.mightContain("a", "x");
        for (const skew of [-hours(48), -hours(1), hours(1), hours(48)]) {
          Date.now = () => now.call(Date) + skew;
          expect(await filter.mightContain("a", "x")).toBe(true);
          expect(await filter.add("a", "x")).toEqual({ added: false });
        }
        Date.now = now;
        port.reset();
        expect(await filter.mightContain("a", "x")).toBe(true);
        expect(port.counts().trips).toBe(1);
      } finally {
        Date.now = now;
      }
    });

    it("of version 1 is read, and written byte for byte", async () => {
      const openV1 = (prefix: string) => [
        createBloomFilter(redis, { prefix, capacity: 10, ttl: hours(1) }),
        createBloomFilter(redis, { prefix, capacity: 10, window: 1e14 }),
        createBloomFilter(redis, { prefix, capacity: 10, ttl: hours(1), secret: stored.secret }),
      ];
      await restore(redis, stored.keys, "bloom-v1", "bloom-v1");
      for (const [i, filter] of openV1("bloom-v1").entries()) {
        expect(await mightContainMany(filter, `v1-${i}`, [...stored.items, "none"])).toEqual([true, true, false]);
        expect(await addMany(filter, `v1-${i}`, stored.items)).toEqual([false, false]);
      }
      for (const [i, filter] of openV1(`${backend.prefix}:v1`).entries())
        await addMany(filter, `v1-${i}`, stored.items);
      for (const [name, { BITFIELD }] of Object.entries(stored.keys)) {
        const reads = BITFIELD.flatMap((_, i) => (i % 4 === 0 ? ["GET", "u16", i * 4] : []));
        const key = name.replace(":bloom-v1:", `:${backend.prefix}:v1:`);
        const written = integers(await redis.send(["BITFIELD_RO", key, ...reads]));
        expect(written).toEqual(BITFIELD.filter((_, i) => i % 4 === 3));
        expect(await redis.send(["STRLEN", key])).toBe(written.length * 2);
        await redis.send(["DEL", name]);
      }
    });
  },
  ["~*:bloom-v1:*"],
);

/** A port that changes what is asked. */
function changeCommands(redis: Redis, change: (command: Command) => Command): Redis {
  return { ...redis, send: (command, options) => redis.send(change(command), options) };
}

/** The same reads of bits, but the last one of each item is its first one again. */
function askedAgain([name, key = "", ...rest]: Command, hashes: number): Command {
  const header = rest.slice(0, 15);
  const places = rest.slice(15).filter((_, i) => i % 3 === 2);
  const asked = places.map((place, i) => (i % hashes === hashes - 1 ? (places[i - hashes + 1] ?? place) : place));
  return [name, key, ...header, ...asked.flatMap((place): Arg[] => ["GET", "u1", place])];
}

/** The same script, which is told of the first place again instead of the last one. */
function withoutLastPlace([name, ...args]: Command): Command {
  return args.length > 14 ? [name, ...args.slice(0, -1), args.at(-7) ?? 0] : [name, ...args];
}
