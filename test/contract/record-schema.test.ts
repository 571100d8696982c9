import { beforeAll, expect, it } from "vitest";
import { createRecords, modifyRecord, type StandardSchema } from "../../src/core/patterns/record/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";

type Profile = { name: string; visits: number; email?: string };

/** Takes a name and visits from 0 to 10, gives `theme` a value, and drops what it does not know, as zod's objects do. */
function schemaOf<T>(
  also: (value: Record<string, unknown>) => string | undefined = () => undefined,
): StandardSchema<T> {
  return {
    "~standard": {
      async validate(value) {
        const { name, visits, email, theme = "light" } = value as Record<string, unknown>;
        const issue =
          typeof name !== "string" || typeof visits !== "number" || visits > 10 ? "a profile" : also(value as never);
        if (issue !== undefined) return { issues: [{ message: issue }] };
        return { value: { name, visits, theme, ...(email !== undefined && { email }) } as T };
      },
    },
  };
}

const invalid = { code: "RECORD_INVALID", name: "RecordInvalidError" };

onEveryBackend("records with a schema", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (schema: StandardSchema<Profile> | undefined = schemaOf<Profile>(), port = redis) =>
    createRecords<Profile>(port, { prefix: `${backend.prefix}:${(number += 1)}`, ttl: minutes(10), schema });
  /** The same records, as another version of the program sees them. */
  const reopen = <T extends object>(schema?: StandardSchema<T>) =>
    createRecords<T>(redis, { prefix: `${backend.prefix}:${number}`, ttl: minutes(10), schema });

  it("are refused if they do not fit, with what the schema says, and nothing is changed", async () => {
    const profiles = open();
    await profiles.set("42", { name: "Ada", visits: 1 });
    const before = await profiles.get("42");
    for (const call of [
      () => profiles.set("42", { name: 1, visits: 1 } as never),
      () => profiles.set("new", {} as never),
      () => profiles.update("42", { visits: 11 }),
      () => profiles.update("42", { name: undefined }),
      () => modifyRecord(profiles, "42", () => ({ name: "Ada", visits: 12 })),
    ]) {
      await expect(call()).rejects.toMatchObject({ ...invalid, issues: [{ message: "a profile" }], stored: false });
    }
    expect(await profiles.get("42")).toEqual(before);
    expect(await profiles.get("new")).toBeNull();
  });

  it("are kept as the schema gives them, with what it adds", async () => {
    const profiles = open();
    await profiles.set("42", { name: "Ada", visits: 1, unknown: 2, email: undefined } as never);
    expect((await reopen().get("42"))?.data).toEqual({ name: "Ada", visits: 1, theme: "light" });
  });

  it("are read with what a schema adds that is newer than they", async () => {
    open(undefined);
    await reopen().set("42", { name: "Ada", visits: 1 });
    expect((await reopen<Profile>(schemaOf()).get("42"))?.data).toEqual({ name: "Ada", visits: 1, theme: "light" });
  });

  it("that a new schema does not allow are neither read as absent nor lost, and can be mended", async () => {
    const old = open();
    await old.set("42", { name: "Ada", visits: 1 });
    const strict = reopen<Profile>(schemaOf((value) => ("email" in value ? undefined : "an address")));
    for (const call of [() => strict.get("42"), () => strict.getMany(["none", "42"])]) {
      await expect(call()).rejects.toMatchObject({ ...invalid, stored: true, issues: [{ message: "an address" }] });
    }
    const spoiling = modifyRecord(strict, "42", () => expect.unreachable("got what does not fit"));
    await expect(spoiling).rejects.toMatchObject({ ...invalid, stored: true });
    await expect(strict.update("42", { visits: 2 })).rejects.toMatchObject({ ...invalid, stored: false });
    await strict.update("42", { email: "ada@example.org" });
    expect((await strict.get("42"))?.data).toMatchObject({ name: "Ada", visits: 1, email: "ada@example.org" });
  });

  it("keep properties that only a later version of the program knows", async () => {
    open();
    await reopen().set("42", { name: "Ada", visits: 1, avatar: "a.png" });
    const old = reopen<Profile>(schemaOf());
    expect((await old.get("42"))?.data).not.toHaveProperty("avatar");
    await old.update("42", { name: "Ada L." });
    await modifyRecord(old, "42", (was) => ({ name: was?.name ?? "", visits: 2 }));
    await old.increment("42", "visits");
    expect((await reopen().get("42"))?.data).toMatchObject({ name: "Ada L.", visits: 3, avatar: "a.png" });
  });

  it("are checked as a whole when a part is updated, also against what another writes in between", async () => {
    const onlyFew = schemaOf<Profile>((value) =>
      value["name"] === "Eve" && Number(value["visits"]) > 5 ? "Eve comes seldom" : undefined,
    );
    const port = withFaults(redis, { only: ([name]) => name.startsWith("EVAL") });
    const profiles = open(onlyFew, port);
    await profiles.set("42", { name: "Ada", visits: 1 });
    const held = port.holdRequest();
    const updating = profiles.update("42", { name: "Eve" });
    await held.reached;
    await reopen(onlyFew).update("42", { visits: 9 });
    await held.arrive();
    await expect(updating).rejects.toMatchObject({ ...invalid, stored: false });
    expect((await profiles.get("42"))?.data).toMatchObject({ name: "Ada", visits: 9 });
  });

  it("cost a second trip for an update, and none more for everything else", async () => {
    const port = withFaults(redis);
    const profiles = open(schemaOf(), port);
    const trips = async (work: () => Promise<unknown>) => {
      await work();
      port.reset();
      await work();
      return port.counts().trips;
    };
    expect(await trips(() => profiles.set("42", { name: "Ada", visits: 1 }))).toBe(1);
    expect(await trips(() => profiles.get("42"))).toBe(1);
    expect(await trips(() => profiles.update("42", { name: "A" }))).toBe(2);
    expect(await trips(() => profiles.update("none", { name: "A" }))).toBe(2);
    expect(await trips(() => profiles.increment("42", "visits"))).toBe(1);
    expect(await trips(() => modifyRecord(profiles, "42", () => ({ name: "Ada", visits: 1 })))).toBe(2);
  });

  it("are updated by version, and by name once, as others are", async () => {
    const profiles = open();
    const { version } = await profiles.set("42", { name: "Ada", visits: 1 });
    expect(await profiles.update("none", { name: "A" }, { requestId: "r" })).toBeNull();
    const first = await profiles.update("42", { visits: 2 }, { version, requestId: "r" });
    expect(first).toEqual({ version: version + 1 });
    await expect(profiles.update("42", { visits: 3 }, { version })).rejects.toMatchObject({ code: "CONFLICT" });
    await profiles.set("42", { name: "Bob", visits: 9 });
    expect(await profiles.update("42", { visits: 2 }, { version, requestId: "r" })).toEqual(first);
    expect((await profiles.get("42"))?.data).toMatchObject({ name: "Bob", visits: 9 });
    await profiles.set("none", { name: "Bob", visits: 9 });
    expect(await profiles.update("none", { name: "A" }, { requestId: "r" })).toBeNull();
  });

  it("must be plain JSON, whatever the schema makes of them", async () => {
    const dates: StandardSchema<Profile> = {
      "~standard": { validate: () => ({ value: { at: new Date() } as never }) },
    };
    const texts: StandardSchema<Profile> = { "~standard": { validate: () => ({ value: "x" as never }) } };
    const profile = { name: "Ada", visits: 1 };
    await expect(open(dates).set("42", profile)).rejects.toMatchObject({ code: "OPTION" });
    await expect(open(texts).set("42", profile)).rejects.toMatchObject({
      code: "OPTION",
      message: expect.stringContaining("schema"),
    });
    const failure = new Error("from the schema");
    const failing: StandardSchema<Profile> = { "~standard": { validate: () => Promise.reject(failure) } };
    await expect(open(failing).set("42", profile)).rejects.toBe(failure);
  });

  it("are as large as `maxBytes`, over all of their changes", async () => {
    number += 1;
    const small = (maxBytes: number) =>
      createRecords<Record<string, unknown>>(redis, {
        prefix: `${backend.prefix}:${number}`,
        ttl: minutes(10),
        maxBytes,
      });
    const records = small(40);
    const tooLarge = (bytes: number) => ({ code: "TOO_LARGE", bytes });
    // 4 of the name, 34 of the letters, and 2 quotes.
    await records.set("42", { text: "ü".repeat(17) });
    await expect(records.set("42", { text: "ü".repeat(17) + "x" })).rejects.toMatchObject(tooLarge(41));
    await expect(records.set("new", { [":".repeat(20)]: "x".repeat(20) })).rejects.toMatchObject(tooLarge(45));
    await expect(records.update("42", { text: "x".repeat(35) })).rejects.toMatchObject(tooLarge(41));
    await expect(records.update("42", { n: 1 })).rejects.toMatchObject(tooLarge(42));
    await expect(records.increment("42", "n")).rejects.toMatchObject(tooLarge(42));
    await expect(modifyRecord(records, "42", (was) => ({ ...was, n: 1 }))).rejects.toMatchObject(tooLarge(42));
    expect((await records.get("42"))?.data).toEqual({ text: "ü".repeat(17) });
    await records.update("42", { text: undefined, other: "x".repeat(33) });
    expect((await records.get("42"))?.data).toEqual({ other: "x".repeat(33) });
    // Under a lower limit it may only become smaller.
    const lower = small(10);
    await expect(lower.update("42", { a: 1 })).rejects.toMatchObject({ code: "TOO_LARGE" });
    await lower.update("42", { other: "x" });
    await lower.update("42", { a: 1 });
    expect((await lower.get("42"))?.data).toEqual({ other: "x", a: 1 });
  });

  it("have at most a thousand properties, over all of their changes", async () => {
    number += 1;
    const records = createRecords<Record<string, number | undefined>>(redis, {
      prefix: `${backend.prefix}:${number}`,
      ttl: minutes(10),
    });
    const thousand = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`p${i}`, i] as const));
    await records.set("42", thousand);
    for (const call of [() => records.update("42", { one: 1 }), () => records.increment("42", "one")]) {
      await expect(call()).rejects.toMatchObject({ code: "RECORD_DATA" });
    }
    expect(await records.increment("42", "p0", 5)).toBe(5);
    const gone = Object.fromEntries(Object.keys(thousand).map((name) => [name, undefined] as const));
    const fresh = Object.fromEntries(Object.keys(thousand).map((name) => [`${name} anew`, 1] as const));
    await records.update("42", { ...gone, ...fresh });
    expect((await records.get("42"))?.data).toEqual(fresh);
    await records.update("42", { "p0 anew": undefined, one: 1 });
    expect(await records.increment("42", "one")).toBe(2);
    expect(integer(await redis.send(["HLEN", `record:${backend.prefix}:${number}:{42}`]))).toBe(1_001);
  });
});
