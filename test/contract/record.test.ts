import { beforeAll, describe, expect, it } from "vitest";
import { createRecords, modifyRecord, type RecordOptions, type Records } from "../../src/core/patterns/record/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer, texts } from "../../src/core/port/reply.ts";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import recordV1 from "../fixtures/record-v1.json" with { type: "json" };
import { restore } from "../fixtures/restore.ts";
import { onEveryBackend } from "../support/backends.ts";

interface Profile {
  name: string;
  visits: number;
  nick?: string;
}

const ada: Profile = { name: "Ada", visits: 0 };

onEveryBackend("records", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = <T extends object = Profile>(options: Partial<RecordOptions<T>> = {}, port = redis) =>
    createRecords<T>(port, { prefix: `${backend.prefix}:${(number += 1)}`, ttl: minutes(10), ...options });
  const keyOf = (id: string) => `record:${backend.prefix}:${number}:{${id}}`;
  const stored = async (id: string) => {
    const pairs = texts(await redis.send(["HGETALL", keyOf(id)]));
    return Object.fromEntries(pairs.flatMap((field, i) => (i % 2 === 0 ? [[field, pairs[i + 1]]] : [])));
  };

  it("are set, read, changed in part, counted and deleted", async () => {
    const profiles = open();
    expect(await profiles.get("42")).toBeNull();
    const { version } = await profiles.set("42", ada);
    expect(await profiles.get("42")).toEqual({ data: ada, version });
    const updated = await profiles.update("42", { name: "Ada L.", nick: "countess" }, { version });
    expect(updated?.version).toBeGreaterThan(version);
    expect(await profiles.increment("42", "visits")).toBe(1);
    expect(await profiles.increment("42", "visits", -5)).toBe(-4);
    const found = await profiles.get("42");
    expect(found?.data).toEqual({ name: "Ada L.", nick: "countess", visits: -4 });
    expect(found?.version).toBeGreaterThan(updated?.version ?? 0);
    await profiles.update("42", { nick: undefined });
    expect((await profiles.get("42"))?.data).toEqual({ name: "Ada L.", visits: -4 });
    await profiles.set("42", { name: "Eve", visits: 1 });
    expect((await profiles.get("42"))?.data).toEqual({ name: "Eve", visits: 1 });
    expect(await profiles.delete("42")).toBe(true);
    expect(await profiles.delete("42")).toBe(false);
    expect(await profiles.get("42")).toBeNull();
  });

  it("are not made by an update or an increment of what does not exist", async () => {
    const profiles = open();
    expect(await profiles.update("42", { name: "Ada" })).toBeNull();
    expect(await profiles.update("42", { name: "Ada" }, { version: 7 })).toBeNull();
    expect(await profiles.increment("42", "visits")).toBeNull();
    expect(await redis.send(["EXISTS", keyOf("42")])).toBe(0);
  });

  it("are read together, in the order of the ids", async () => {
    const profiles = open();
    const { version } = await profiles.set("a", ada);
    await profiles.set("b", { name: "Bob", visits: 2 });
    expect(await profiles.getMany(["b", "none", "a", "a"])).toEqual([
      { data: { name: "Bob", visits: 2 }, version: expect.any(Number) },
      null,
      { data: ada, version },
      { data: ada, version },
    ]);
    expect(await profiles.getMany([])).toEqual([]);
  });

  it("cost one trip each, and the commands that the page says", async () => {
    const port = withFaults(redis);
    const profiles = open({}, port);
    const { version } = await profiles.set("42", ada);
    await profiles.update("42", {});
    await profiles.increment("42", "visits");
    await profiles.delete("none");
    // Redis knows all scripts now.
    const costs = async (work: () => Promise<unknown>) => {
      port.reset();
      const commands = await backend.count(work);
      return { trips: port.counts().trips, ...commands };
    };
    const once = { trips: 1, evalsha: 1, get: 1, set: 1 };
    expect(await costs(() => profiles.get("42"))).toEqual({ trips: 1, hgetall: 1 });
    expect(await costs(() => profiles.getMany(["42", "43"]))).toEqual({ trips: 1, hgetall: 2 });
    expect(await costs(() => profiles.set("42", ada))).toEqual({ ...once, hget: 1, del: 1, hset: 1, pexpire: 1 });
    expect(await costs(() => profiles.set("new", ada))).toEqual({
      ...once,
      hget: 1,
      time: 1,
      del: 1,
      hset: 1,
      pexpire: 1,
    });
    expect(await costs(() => profiles.update("42", { name: "A" }))).toEqual({
      ...once,
      hgetall: 1,
      hset: 1,
      pexpire: 1,
    });
    expect(await costs(() => profiles.update("42", { nick: undefined }))).toEqual({
      ...once,
      hgetall: 1,
      hset: 1,
      hdel: 1,
      pexpire: 1,
    });
    expect(await costs(() => profiles.increment("42", "visits"))).toEqual({ ...once, hmget: 1, hset: 1, pexpire: 1 });
    expect(await costs(() => profiles.delete("42"))).toEqual({ ...once, hget: 1, del: 1 });
    expect(version).toBeGreaterThan(0);
  });

  describe("live", () => {
    const left = async (id: string) => integer(await redis.send(["PTTL", keyOf(id)]));

    it("for their time from the last change, whichever it was", async () => {
      const profiles = open({ ttl: hours(1) });
      for (const change of [
        () => profiles.set("42", ada),
        () => profiles.update("42", { name: "A" }),
        () => profiles.update("42", {}),
        () => profiles.increment("42", "visits"),
      ]) {
        await profiles.set("42", ada, { ttl: minutes(1) });
        expect(await left("42")).toBeLessThanOrEqual(minutes(1));
        await change();
        expect(await left("42")).toBeGreaterThan(minutes(59));
      }
      await profiles.update("42", {}, { ttl: minutes(1) });
      expect(await left("42")).toBeLessThanOrEqual(minutes(1));
    });

    it("for ever, if that is asked for, until a change that gives them an end", async () => {
      number += 1;
      const prefix = `${backend.prefix}:permanent`;
      const profiles = createRecords<Profile>(redis, { prefix, ttl: "permanent" });
      const ttl = async () => integer(await redis.send(["PTTL", `record:${prefix}:{42}`]));
      await profiles.set("42", ada);
      expect(await ttl()).toBe(-1);
      await profiles.increment("42", "visits", 1, { ttl: minutes(1) });
      expect(await ttl()).toBeGreaterThan(0);
      await profiles.update("42", { name: "A" });
      expect(await ttl()).toBe(-1);
      await profiles.delete("42");
    });
  });

  it("carry what JSON carries, under names of any text", async () => {
    const records = open<Record<string, unknown>>();
    const values = [
      null,
      true,
      false,
      0,
      -1,
      1.5,
      1e21,
      5e-324,
      2 ** 53,
      "",
      "5",
      "ü€😀\n",
      "\ud800",
      [],
      [null, {}],
      { a: { "": 1 } },
    ];
    const names = [
      "__proto__",
      "constructor",
      "",
      ":v1",
      ":",
      ':"x"',
      "::",
      "%",
      "%3A",
      "a.b",
      "\ud800",
      "a\udfffb",
      " ",
      "\u0000",
      "{x}",
    ];
    const data: Record<string, unknown> = Object.fromEntries([
      ...values.map((value, i) => [`v${i}`, value] as const),
      ...names.map((name) => [name, name] as const),
      ["n".repeat(10_000), 1] as const,
    ]);
    await records.set("odd", data);
    const found = await records.get("odd");
    expect(found?.data).toEqual(data);
    expect(Object.keys(found?.data ?? {}).toSorted()).toEqual(Object.keys(data).toSorted());
    await records.update("odd", Object.fromEntries(names.map((name) => [name, 1] as const)));
    const sums = await Promise.all(names.map((name) => records.increment("odd", name, 2)));
    expect(sums).toEqual(names.map(() => 3));
    const counted = Object.entries((await records.get("odd"))?.data ?? {});
    for (const name of names) expect(counted).toContainEqual([name, 3]);
    await records.update("odd", Object.fromEntries(names.map((name) => [name, undefined] as const)));
    const rest = (await records.get("odd"))?.data ?? {};
    expect(names.filter((name) => Object.hasOwn(rest, name))).toEqual([]);
    expect(Object.keys(rest)).toHaveLength(values.length + 1);
  });

  it("may be empty, and have ids of any text", async () => {
    const records = open<Record<string, unknown>>();
    for (const id of ["a:b", "{x}", "*", "\ud800", "%", "i".repeat(10_000)]) {
      await records.set(id, {});
      expect((await records.get(id))?.data).toEqual({});
    }
  });

  describe("are read and written by other programs", () => {
    it("as fields that hold JSON", async () => {
      const records = open<Record<string, unknown>>();
      const { version } = await records.set("42", { name: "Ada", visits: 7, tags: ["a"], none: null, gone: undefined });
      expect(await stored("42")).toEqual({
        ":v1": String(version),
        name: '"Ada"',
        visits: "7",
        tags: '["a"]',
        none: "null",
      });
      await redis.send(["HINCRBY", keyOf("42"), "visits", 3]);
      expect(await records.increment("42", "visits")).toBe(11);
    });

    it("which need not know of versions", async () => {
      const profiles = open();
      await redis.send(["HSET", keyOf("42"), "name", '"Ada"', "visits", "7"]);
      await redis.send(["PEXPIRE", keyOf("42"), 60_000]);
      expect(await profiles.get("42")).toEqual({ data: { name: "Ada", visits: 7 }, version: 0 });
      await expect(profiles.set("42", ada, { version: null })).rejects.toMatchObject({ code: "CONFLICT" });
      expect(await profiles.update("42", { name: "A" }, { version: 0 })).not.toBeNull();
      await expect(profiles.update("42", { name: "B" }, { version: 0 })).rejects.toMatchObject({ code: "CONFLICT" });
      expect((await profiles.get("42"))?.version).toBeGreaterThan(0);
      for (const nonsense of ["x", "", "-1", "0x10", "1e3", "9".repeat(40)]) {
        await redis.send(["HSET", keyOf("42"), ":v1", nonsense]);
        expect((await profiles.get("42"))?.version).toBe(0);
        expect((await profiles.update("42", {}, { version: 0 }))?.version).toBeGreaterThan(0);
      }
    });

    it("and what is no JSON is named, and may be replaced", async () => {
      const profiles = open();
      await redis.send(["HSET", keyOf("42"), "name", "secret", "visits", "7"]);
      await redis.send(["PEXPIRE", keyOf("42"), 60_000]);
      const failure = await profiles.get("42").catch((error: unknown) => error);
      expect(failure).toMatchObject({
        code: "RECORD_DATA",
        property: "name",
        message: expect.stringContaining("`name`"),
      });
      expect(String(failure)).not.toContain("secret");
      await expect(profiles.getMany(["none", "42"])).rejects.toMatchObject({ code: "RECORD_DATA" });
      await profiles.update("42", { name: "Ada" });
      expect((await profiles.get("42"))?.data).toEqual({ name: "Ada", visits: 7 });
    });

    it("and the id of one that cannot be read is named", async () => {
      const profiles = open();
      await profiles.set("1", ada);
      const schema = { "~standard": { validate: () => ({ issues: [{ message: "no" }] }) } };
      const strict = createRecords<Profile>(redis, { prefix: `${backend.prefix}:${number}`, ttl: minutes(10), schema });
      await expect(strict.getMany(["none", "1"])).rejects.toThrow("`1`");
      await redis.send(["HSET", keyOf("text"), "name", "secret"]);
      await redis.send(["HSET", keyOf("later"), ":v2", "7"]);
      await redis.send(["SET", keyOf("other"), "secret"]);
      for (const [id, code] of [
        ["text", "RECORD_DATA"],
        ["later", "RECORD_DATA"],
        ["other", "WRONGTYPE"],
      ] as const) {
        await redis.send(["PEXPIRE", keyOf(id), 60_000]);
        for (const call of [() => profiles.getMany(["1", id]), () => profiles.get(id)]) {
          const failure: unknown = await call().catch((error: unknown) => error);
          expect(failure).toMatchObject({ code, message: expect.stringContaining(`\`${id}\``) });
          expect(String(failure)).not.toContain("secret");
        }
      }
    });

    it("of a later version of this package, which is said", async () => {
      const profiles = open();
      await redis.send(["HSET", keyOf("42"), ":v2", "7"]);
      await redis.send(["PEXPIRE", keyOf("42"), 60_000]);
      await expect(profiles.get("42")).rejects.toMatchObject({ code: "RECORD_DATA", property: undefined });
    });

    it("of a later version of this package, which no change of a part touches", async () => {
      const later = { ":v3": "7", visits: "1" };
      const profiles = open();
      await redis.send(["HSET", keyOf("42"), ...Object.entries(later).flat()]);
      await redis.send(["PEXPIRE", keyOf("42"), 60_000]);
      for (const call of [
        () => profiles.update("42", { name: "A" }),
        () => profiles.increment("42", "visits"),
        () => profiles.increment("42", "nick" as never),
        () => modifyRecord(profiles, "42", () => ada),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: "RECORD_DATA", property: undefined });
      }
      await expect(profiles.set("42", ada, { version: null })).rejects.toMatchObject({ code: "CONFLICT" });
      expect(await stored("42")).toEqual(later);
      await profiles.set("42", ada);
      expect((await profiles.get("42"))?.data).toEqual(ada);
    });

    it("with more properties than one change may remove, which is said before anything is sent", async () => {
      const many = open<Record<string, unknown>>();
      const fields = Array.from({ length: 4_001 }, (_, i) => [`p${i}`, "1"]).flat();
      await redis.send(["HSET", keyOf("42"), ...fields]);
      await redis.send(["PEXPIRE", keyOf("42"), 60_000]);
      const gone = Object.fromEntries(Array.from({ length: 4_001 }, (_, i) => [`p${i}`, undefined]));
      for (const call of [() => modifyRecord(many, "42", () => ({ name: "Ada" })), () => many.update("42", gone)]) {
        await expect(call()).rejects.toMatchObject({
          code: "OPTION",
          message: expect.stringContaining("at most 4000 properties"),
        });
      }
      expect(await redis.send(["HLEN", keyOf("42")])).toBe(4_001);
      await redis.send(["HDEL", keyOf("42"), "p0"]);
      const whole = Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`n${i}`, i]));
      await modifyRecord(many, "42", () => whole);
      expect((await many.get("42"))?.data).toEqual(whole);
    });

    it("and a key of another type is refused, and stays what it was", async () => {
      const profiles = open();
      await redis.send(["SET", keyOf("42"), "v", "PX", 60_000]);
      for (const call of [
        () => profiles.get("42"),
        () => profiles.getMany(["42"]),
        () => profiles.set("42", ada),
        () => profiles.update("42", { name: "A" }),
        () => profiles.increment("42", "visits"),
        () => profiles.delete("42"),
      ]) {
        await expect(call()).rejects.toMatchObject({ code: "WRONGTYPE" });
      }
      expect(await redis.send(["GET", keyOf("42")])).toBe("v");
    });
  });

  it.each([
    ["a text", '"Ada"', "RECORD_DATA"],
    ["a fraction", "1.5", "RECORD_DATA"],
    ["an exponent", "1e21", "RECORD_DATA"],
    ["null", "null", "RECORD_DATA"],
    ["a number that begins with 0", "007", "RECORD_DATA"],
    ["-0", "-0", "RECORD_DATA"],
    ["nothing at all", "", "RECORD_DATA"],
    ["the largest number", "9007199254740991", "RECORD_DATA"],
    ["a number beyond 2^53", "9007199254740993", "RECORD_DATA"],
    ["a number beyond 2^64", "99999999999999999999", "RECORD_DATA"],
  ])("count nothing in %s, and leave it as it is", async (_, text, code) => {
    const profiles = open();
    const { version } = await profiles.set("42", ada);
    await redis.send(["HSET", keyOf("42"), "visits", text]);
    const failure = await profiles.increment("42", "visits", 1).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code, property: "visits" });
    expect(String(failure)).not.toMatch(/2\^53(?! - 1)/);
    expect(await stored("42")).toMatchObject({ visits: text, ":v1": String(version) });
  });

  it("count to the last digit up to 2^53", async () => {
    const profiles = open();
    const most = Number.MAX_SAFE_INTEGER;
    await profiles.set("42", { name: "Ada", visits: most - 1 });
    expect(await profiles.increment("42", "visits", 1)).toBe(most);
    expect(await profiles.increment("42", "visits", -most)).toBe(0);
    expect(await profiles.increment("42", "visits", -most)).toBe(-most);
    await expect(profiles.increment("42", "visits", -1)).rejects.toMatchObject({ code: "RECORD_DATA" });
    expect(await profiles.increment("42", "visits", most)).toBe(0);
    expect(await profiles.increment("42", "visits", -0)).toBe(0);
    expect(await stored("42")).toMatchObject({ visits: "0" });
  });

  describe("of the first format", () => {
    it("are read and changed", async () => {
      const prefix = `${backend.prefix}:fixture`;
      await restore(redis, recordV1.keys, "record-v1", prefix);
      const records = createRecords<Record<string, unknown>>(redis, { prefix, ttl: minutes(10) });
      const found = await records.get("42");
      expect(found).toEqual({ data: recordV1.data, version: recordV1.version });
      expect(await records.increment("42", "visits", 1, { requestId: "visit 1" })).toBe(8);
      expect(await records.update("42", { name: "Ada L." }, { version: recordV1.version })).toEqual({
        version: recordV1.version + 1,
      });
    });

    it("are written byte for byte", async () => {
      number += 1;
      const prefix = `${backend.prefix}:written`;
      const records = createRecords<Record<string, unknown>>(redis, { prefix, ttl: minutes(10) });
      const key = `record:${prefix}:{42}`;
      await redis.send(["HSET", key, ":v1", recordV1.version - 2]);
      await records.set("42", { ...recordV1.data, visits: 7 });
      expect(await records.increment("42", "visits", 1, { requestId: "visit 1" })).toBe(8);
      const pairs = texts(await redis.send(["HGETALL", key]));
      const fixture = recordV1.keys["record:record-v1:{42}"].HSET;
      const lines = (list: readonly string[]) =>
        list.flatMap((field, i) => (i % 2 === 0 ? [`${field}=${list[i + 1]}`] : []));
      expect(lines(pairs).toSorted()).toEqual(lines(fixture).toSorted());
      expect(
        await redis.send(["GET", `${key}:request:increment:qgFNeX2sCKZUf-rmyrMlrRg_iadyGRqjRfNsI0d24q4:visit 1`]),
      ).toBe("8");
    });
  });

  it("say that options come after the number that is added", async () => {
    const counting = open().increment("42", "visits", { requestId: "r" } as never);
    await expect(counting).rejects.toThrow("options come after it");
  });

  describe("refuse, and send nothing:", () => {
    it.each<[string, (records: Records<Profile>) => Promise<unknown>]>([
      ["value", (records) => records.set("a", null as never)],
      ["value", (records) => records.set("a", [] as never)],
      ["value", (records) => records.set("a", "x" as never)],
      ["value", (records) => records.set("a", new Date() as never)],
      ["value", (records) => records.set("a", { ...ada, [Symbol("x")]: 1 })],
      ["value.name", (records) => records.set("a", { ...ada, name: { [Symbol("x")]: 1 } as never })],
      ["partial", (records) => records.update("a", { [Symbol("x")]: 1 })],
      ["value.name", (records) => records.set("a", { name: new Date() } as never)],
      ["value.tags[1]", (records) => records.set("a", { tags: [1, 2n] } as never)],
      ["value.visits", (records) => records.set("a", { name: "Ada", visits: Number.NaN })],
      [
        "value",
        (records) => records.set("a", Object.fromEntries(Array.from({ length: 1_001 }, (_, i) => [i, 1])) as never),
      ],
      ["partial", (records) => records.update("a", null as never)],
      // Looking through them takes no time worth speaking of.
      [
        "partial",
        (records) => records.update("a", Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [i, 1]))),
      ],
      ["partial.name", (records) => records.update("a", { name: (() => 1) as never })],
      ["version", (records) => records.update("a", {}, { version: null as never })],
      ["version", (records) => records.set("a", ada, { version: "7" as never })],
      ["version", (records) => records.set("a", ada, { version: -1 })],
      ["version", (records) => records.delete("a", { version: 1.5 })],
      ["ttl", (records) => records.set("a", ada, { ttl: null as never })],
      ["ttl", (records) => records.update("a", {}, { ttl: 0 })],
      ["by", (records) => records.increment("a", "visits", 1.5)],
      ["by", (records) => records.increment("a", "visits", 2 ** 53)],
      ["by", (records) => records.increment("a", "visits", "1" as never)],
      ["by", (records) => records.increment("a", "visits", { requestId: "r" } as never)],
      ["property", (records) => records.increment("a", 1 as never)],
      ["options", (records) => records.set("a", ada, minutes(1) as never)],
      ["options", (records) => records.get("a", null as never)],
      ["options", (records) => records.increment("a", "visits", 1, 5 as never)],
      ["requestId", (records) => records.increment("a", "visits", 1, { requestId: "" })],
      ["requestId", (records) => records.delete("a", { requestId: "r".repeat(257) })],
      ["signal", (records) => records.set("a", ada, { signal: null as never })],
      ["signal", (records) => records.getMany(["a"], { signal: {} as never })],
      ["id", (records) => records.get("")],
      ["id", (records) => records.getMany(["a", ""])],
      ["ids", (records) => records.getMany("a" as never)],
      ["ids", (records) => records.getMany(Array.from({ length: 1_001 }, String))],
    ])("a wrong `%s`", async (name, call) => {
      const counts = await backend.count(() =>
        expect(call(open())).rejects.toMatchObject({ code: "OPTION", message: expect.stringContaining(`\`${name}\``) }),
      );
      expect(counts).toEqual({});
    });

    it.each<[string, object]>([
      ["prefix", { prefix: "{}" }],
      ["prefix", { prefix: undefined }],
      ["ttl", { ttl: undefined }],
      ["ttl", { ttl: 0 }],
      ["ttl", { ttl: "forever" }],
      ["maxBytes", { maxBytes: 0 }],
      ["requestTtl", { requestTtl: "permanent" }],
      ["schema", { schema: {} }],
      ["schema", { schema: null }],
      ["schema", { schema: { "~standard": {} } }],
    ])("an option `%s` that can never work: %j", (name, options) => {
      expect(() => open(options)).toThrow(`\`${name}\``);
    });
  });
});
