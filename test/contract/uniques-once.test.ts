import { beforeAll, expect, it } from "vitest";
import {
  approximate,
  type CountKind,
  type CountName,
  createUniques,
  daily,
  exact,
  hasMember,
  hybrid,
  removeMember,
  type Uniques,
  weekly,
} from "../../src/core/patterns/uniques/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { days } from "../../src/core/time/duration.ts";
import { type Faults, withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

const kinds: readonly (readonly [CountName, () => CountKind])[] = [
  ["exact", exact],
  ["approximate", approximate],
  ["hybrid", () => hybrid({ exactUntil: 3 })],
];

onEveryBackend("what changes a count", (backend) => {
  let redis: Redis & Faults;
  let number = 0;
  beforeAll(async () => {
    redis = withFaults(await backend.connect());
  });
  const open = <Name extends CountName>(count: CountKind<Name>, period = daily()) =>
    createUniques(redis, { ttl: days(3), prefix: `${backend.prefix}:${(number += 1)}`, count, period });
  const numbers = (...list: number[]) => list.map(String);

  const changes: readonly (readonly [string, (uniques: Uniques, requestId?: string) => Promise<unknown>])[] = [
    ["add", (uniques, requestId) => uniques.add("a", numbers(7, 8, 9), { requestId })],
    ["remove", (uniques, requestId) => removeMember(uniques as Uniques<"exact">, "a", "1", { requestId })],
  ];
  const rows = kinds.flatMap(([name, kind]) =>
    changes.flatMap(([change, run]) =>
      change === "remove" && name !== "exact" ? [] : [[`${change}, ${name}`, kind, run] as const],
    ),
  );

  it.each(rows)("is done once and answered the same where a network repeats it: %s", async (_, kind, run) => {
    const [twice, plain] = [open(kind()), open(kind())];
    for (const uniques of [twice, plain]) await uniques.add("a", numbers(1, 2));
    const expected = await run(plain);
    redis.runTwice();
    expect(await run(twice)).toEqual(expected);
    expect(await twice.count("a")).toEqual(await plain.count("a"));
  });

  it.each(rows)("gets its first answer again by its name, after a lost reply: %s", async (_, kind, run) => {
    const [uniques, plain] = [open(kind()), open(kind())];
    for (const one of [uniques, plain]) await one.add("a", numbers(1, 2));
    const expected = await run(plain);
    redis.loseReply();
    await expect(run(uniques, "r")).rejects.toMatchObject({ code: "CONNECTION" });
    const counted = await uniques.count("a");
    expect(await run(uniques, "r")).toEqual(expected);
    expect(await run(uniques, "r")).toEqual(expected);
    expect(await uniques.count("a")).toEqual(counted);
  });

  it("of an add that arrives again late brings no removed member back", async () => {
    const uniques = open(exact());
    const held = redis.holdRequest();
    const adding = uniques.add("a", "x");
    await held.reached;
    await held.arrive();
    expect(await adding).toEqual({ added: 1, exact: true });
    expect(await removeMember(uniques, "a", "x")).toBe(true);
    await held.arrive();
    expect(await hasMember(uniques, "a", "x")).toBe(false);
    await uniques.add("a", "y", { requestId: "r" });
    await removeMember(uniques, "a", "y");
    expect(await uniques.add("a", "y", { requestId: "r" })).toEqual({ added: 1, exact: true });
    expect(await uniques.count("a")).toMatchObject({ count: 0 });
  });

  it("counts in no second period where its repetition comes after midnight", async () => {
    const uniques = open(exact());
    const now = Date.now();
    await uniques.add("a", "x", { requestId: "r", at: now });
    expect(await uniques.add("a", "x", { requestId: "r", at: now + days(1) })).toEqual({ added: 1, exact: true });
    expect(await uniques.count("a", { at: now + days(1) })).toMatchObject({ count: 0 });
  });

  it("counts in the day and in the week, and in each kind, under one prefix and one name", async () => {
    const prefix = `${backend.prefix}:several`;
    const several = [
      createUniques(redis, { prefix, ttl: days(3), count: exact(), period: daily() }),
      createUniques(redis, { prefix, ttl: days(3), count: exact(), period: weekly() }),
      createUniques(redis, { prefix, ttl: days(3), count: hybrid(), period: daily() }),
      createUniques(redis, { prefix, ttl: days(3), count: exact() }),
    ];
    for (const uniques of [...several, ...several]) await uniques.add("a", "1", { requestId: "r" });
    const counts = await Promise.all(several.map(async (uniques) => (await uniques.count("a")).count));
    expect(counts).toEqual([1, 1, 1, 1]);
  });

  it("of other members under the same name adds none of them", async () => {
    const uniques = open(exact());
    await uniques.add("a", ["x", "y"], { requestId: "r" });
    expect(await uniques.add("a", "z", { requestId: "r" })).toEqual({ added: 2, exact: true });
    expect(await hasMember(uniques, "a", "z")).toBe(false);
  });

  it("has names of its own for each operation and each id", async () => {
    const uniques = open(exact());
    await uniques.add("a", "x", { requestId: "r" });
    expect(await removeMember(uniques, "a", "x", { requestId: "r" })).toBe(true);
    expect(await uniques.add("b", "x", { requestId: "r" })).toEqual({ added: 1, exact: true });
    expect(await uniques.count("b")).toMatchObject({ count: 1 });
  });

  it("of a refused call is nothing", async () => {
    const uniques = open(hybrid());
    await uniques.add("a", "x");
    redis.refuse("OOM command not allowed when used memory > 'maxmemory'.");
    await expect(uniques.add("a", "y")).rejects.toMatchObject({ code: "OOM" });
    expect(await uniques.count("a")).toMatchObject({ count: 1 });
  });
});
