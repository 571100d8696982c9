import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import {
  createUniques,
  daily,
  exact,
  hasMember,
  listMembers,
  removeMember,
  saltedHash,
  type Uniques,
} from "../../src/core/patterns/uniques/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { days, hours } from "../../src/core/time/duration.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

const step = fc.record({
  act: fc.constantFrom("add", "add", "add several", "remove", "has", "count", "list"),
  id: fc.constantFrom("a", "b"),
  day: fc.nat(4),
  member: fc.nat(5),
});
const steps = fc.array(step, { minLength: 10, maxLength: 30, size: "max" });
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** The operations, so that one can be broken. */
const right = { hasMember, listMembers, removeMember };

onEveryBackend("exact uniques of periods", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });

  /** Plays the steps on Redis and on plain sets, and gives what differs. */
  const play = async (
    steps: readonly Step[],
    hash = false,
    operations = right,
    change = (uniques: Uniques<"exact">) => uniques,
  ) => {
    const uniques = change(
      createUniques(redis, {
        prefix: `${backend.prefix}:${(number += 1)}`,
        count: exact(),
        ttl: days(30),
        period: daily(),
        hash: hash ? saltedHash({ salt: "s".repeat(32) }) : undefined,
      }),
    );
    const model = new Map<string, Set<string>>();
    const noon = Math.floor(Date.now() / days(1)) * days(1) + hours(12);
    const found: string[] = [];
    const compare = (what: string, one: unknown, other: unknown) => {
      const [given, expected] = [JSON.stringify(one), JSON.stringify(other)];
      if (given !== expected) found.push(`${what}: ${given} instead of ${expected}`);
    };
    const setOf = (id: string, day: number) => {
      const name = `${id}:${day}`;
      const set = model.get(name) ?? new Set();
      model.set(name, set);
      return set;
    };
    for (const { act, id, day, member: n } of steps) {
      const set = setOf(id, day);
      const at = noon - days(day);
      const member = `member ${n}`;
      if (act === "add" || act === "add several") {
        const members = act === "add" ? [member] : [member, `member ${n + 1}`, member];
        const fresh = new Set(members.filter((one) => !set.has(one))).size;
        compare(act, (await uniques.add(id, members, { at })).added, fresh);
        for (const one of members) set.add(one);
      }
      if (act === "remove")
        compare(act, await operations.removeMember(uniques, id, member, { at }), set.delete(member));
      if (act === "has") compare(act, await operations.hasMember(uniques, id, member, { at }), set.has(member));
      if (act === "count") compare(act, (await uniques.count(id, { at })).count, set.size);
      if (act === "list" && !hash) {
        const { members } = await operations.listMembers(uniques, id, { at });
        compare(act, members.toSorted(), [...set].toSorted());
      }
    }
    for (const id of ["a", "b"]) {
      for (const [from, length] of [
        [0, 1],
        [0, 5],
        [1, 2],
        [2, 7],
      ] as const) {
        const all = Array.from({ length }, (_, i) => [...setOf(id, from + i)]).flat();
        const counted = await uniques.count(id, { at: noon - days(from), last: days(length) });
        compare(`${length} days from ${from}`, counted, { count: new Set(all).size, exact: true, errorBound: 0 });
      }
    }
    return found;
  };

  it("count what plain sets count", async () => {
    const property = fc.asyncProperty(steps, fc.boolean(), async (steps, hash) => {
      expect(await play(steps, hash)).toEqual([]);
    });
    await fc.assert(property, { numRuns: sized(200, 3), endOnFailure: true, seed: 20_261_127 });
  });

  const full: Step[] = [
    { act: "add several", id: "a", day: 0, member: 1 },
    { act: "add", id: "a", day: 1, member: 5 },
    { act: "remove", id: "a", day: 0, member: 1 },
    { act: "has", id: "a", day: 0, member: 1 },
    { act: "list", id: "a", day: 0, member: 1 },
  ];

  backend.it("are compared so that one would be found", async () => {
    expect(await play(full)).toEqual([]);
    expect(await play(full, false, { ...right, removeMember: async () => true })).not.toEqual([]);
    expect(await play(full, false, { ...right, hasMember: async () => true })).not.toEqual([]);
    const forgetsDays = (uniques: Uniques<"exact">) => ({
      ...uniques,
      count: (id: string, { at }: { readonly at?: number } = {}) => uniques.count(id, { at }),
    });
    expect(await play(full.slice(0, 2), false, right, forgetsDays)).not.toEqual([]);
  });
});
