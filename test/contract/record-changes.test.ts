import { beforeAll, expect, it } from "vitest";
import { createRecords, modifyRecord, type RecordOptions, type Records } from "../../src/core/patterns/record/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { withFaults } from "../../src/testing/index.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

type Profile = { name: string; visits: number; nick?: string };
type Named = { readonly requestId?: string };

const ada: Profile = { name: "Ada", visits: 0 };

/** Each change, with what it answers to a record that is `ada`, but for the version. */
const changes: readonly (readonly [
  name: string,
  change: (records: Records<Profile>, options?: Named) => Promise<unknown>,
])[] = [
  ["set", (records, options) => records.set("42", { name: "Eve", visits: 5 }, options)],
  ["update", (records, options) => records.update("42", { nick: "countess" }, options)],
  ["increment", (records, options) => records.increment("42", "visits", 3, options)],
  ["delete", (records, options) => records.delete("42", options)],
  [
    "modify",
    (records, options) => modifyRecord(records, "42", (was) => ({ ...ada, visits: (was?.visits ?? 0) + 1 }), options),
  ],
];

onEveryBackend("changes of records", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (port = redis, options: Partial<RecordOptions<Profile>> = {}) =>
    createRecords<Profile>(port, { prefix: `${backend.prefix}:${(number += 1)}`, ttl: minutes(10), ...options });
  const conflict = { code: "CONFLICT", name: "ConflictError" };

  it.each(changes)("are made once, and answered the same, if the network runs them twice: %s", async (_, change) => {
    const answers = await Promise.all(
      [false, true].map(async (twice) => {
        const port = withFaults(redis, { only: ([name]) => name.startsWith("EVAL") });
        const records = open(port);
        const { version } = await records.set("42", ada);
        if (twice) port.runTwice();
        const answer = await change(records);
        const found = await records.get("42");
        const versions = [answer, found].map((one) => Reflect.get(Object(one), "version") - version);
        return { answer: typeof answer === "object" ? versions[0] : answer, data: found?.data, version: versions[1] };
      }),
    );
    expect(answers[1]).toEqual(answers[0]);
  });

  it.each(changes)("are made once by one name, also after a lost reply and other changes: %s", async (_, change) => {
    const port = withFaults(redis, { only: ([name]) => name.startsWith("EVAL") });
    const records = open(port);
    await records.set("42", ada);
    port.loseReply();
    await expect(change(records, { requestId: "r" })).rejects.toMatchObject({ code: "CONNECTION" });
    const first = await change(records, { requestId: "r" });
    await records.set("42", { name: "Bob", visits: 9 });
    const later = await records.get("42");
    expect(await change(records, { requestId: "r" })).toEqual(first);
    expect(await records.get("42")).toEqual(later);
    await records.delete("42");
    expect(await change(records, { requestId: "r" })).toEqual(first);
    expect(await records.get("42")).toBeNull();
  });

  it.each(changes)("are not undone by a copy of an earlier change that arrives late: %s", async (_, change) => {
    // The server knows the script afterwards, so that the change is one command.
    await change(open());
    const port = withFaults(redis, { only: ([name]) => name.startsWith("EVAL") });
    const records = open(port);
    await records.set("42", ada);
    const held = port.holdRequest();
    const changing = change(records);
    await held.reached;
    await held.arrive();
    await changing;
    await records.set("42", { name: "Bob", visits: 9 });
    const later = await records.get("42");
    await held.arrive();
    expect(await records.get("42")).toEqual(later);
  });

  it("count one event in each of the properties that it is about, once", async () => {
    const records = createRecords<Record<string, number>>(redis, { prefix: `${backend.prefix}:several`, ttl: 60_000 });
    await records.set("42", { views: 0, likes: 0 });
    for (const property of ["views", "likes", "views", "likes"]) {
      await records.increment("42", property, 1, { requestId: "event" });
    }
    expect((await records.get("42"))?.data).toEqual({ views: 1, likes: 1 });
  });

  it("have names of their own for each kind, id and prefix", async () => {
    const [one, other] = [open(), open()];
    const named = { requestId: "r" };
    for (const records of [one, other]) {
      for (const id of ["42", "43"]) {
        await records.set(id, ada, named);
        await records.update(id, { nick: "x" }, named);
        expect(await records.increment(id, "visits", 1, named)).toBe(1);
        await modifyRecord(records, id, (was) => ({ ...ada, ...was, name: "Eve" }), named);
        expect((await records.get(id))?.data).toEqual({ name: "Eve", visits: 1, nick: "x" });
        expect(await records.delete(id, named)).toBe(true);
      }
    }
  });

  it("remember also that there was nothing to change", async () => {
    const records = open();
    expect(await records.update("42", { nick: "x" }, { requestId: "r" })).toBeNull();
    expect(await records.increment("42", "visits", 1, { requestId: "r" })).toBeNull();
    expect(await records.delete("42", { requestId: "r" })).toBe(false);
    await records.set("42", ada);
    expect(await records.update("42", { nick: "x" }, { requestId: "r" })).toBeNull();
    expect(await records.increment("42", "visits", 1, { requestId: "r" })).toBeNull();
    expect(await records.delete("42", { requestId: "r" })).toBe(false);
    expect((await records.get("42"))?.data).toEqual(ada);
  });

  it("raise the version each, so that a number that was read says whether anything has changed", async () => {
    const records = open();
    const versions = [(await records.set("42", ada)).version];
    for (const [name, change] of changes) {
      if (name === "delete") continue;
      await change(records);
      versions.push((await records.get("42"))?.version ?? 0);
    }
    expect(versions.map((version, i) => version - (versions[i - 1] ?? version - 1))).toEqual([1, 1, 1, 1, 1]);
    expect(versions.every((version) => Number.isSafeInteger(version))).toBe(true);
  });

  it("by an old version conflict, and change nothing", async () => {
    const records = open();
    const { version } = await records.set("42", ada);
    await records.increment("42", "visits");
    const now = await records.get("42");
    for (const call of [
      () => records.set("42", ada, { version }),
      () => records.update("42", { name: "Eve" }, { version }),
      () => records.delete("42", { version }),
      () => records.set("42", ada, { version: null }),
    ]) {
      await expect(call()).rejects.toMatchObject(conflict);
      expect(await records.get("42")).toEqual(now);
    }
    await records.delete("42", { version: now?.version });
    await expect(records.set("42", ada, { version })).rejects.toMatchObject(conflict);
    expect(await records.get("42")).toBeNull();
    expect(await records.delete("42", { version })).toBe(false);
    await records.set("42", ada, { version: null });
    expect((await records.get("42"))?.data).toEqual(ada);
  });

  it("that conflict say whether there is a record", async () => {
    const records = open();
    const { version } = await records.set("42", ada);
    await expect(records.set("42", ada, { version: null })).rejects.toThrow("There is a record already");
    await expect(records.set("none", ada, { version })).rejects.toThrow("There is no record any more");
    for (const call of [
      () => records.set("42", ada, { version: version - 1 }),
      () => records.update("42", ada, { version: version - 1 }),
      () => records.delete("42", { version: version - 1 }),
    ]) {
      await expect(call()).rejects.toThrow("another version");
    }
  });

  it("by the version of a record that was deleted and made anew conflict", async () => {
    const records = open();
    const { version } = await records.set("42", ada);
    await records.delete("42");
    const anew = await records.set("42", ada);
    expect(anew.version).toBeGreaterThan(version);
    await expect(records.update("42", { name: "Eve" }, { version })).rejects.toMatchObject(conflict);
    expect(await records.get("42")).toEqual({ data: ada, version: anew.version });
  });

  it("that conflicted under a name may be tried again under it", async () => {
    const records = open();
    const { version } = await records.set("42", ada);
    await records.update("42", { visits: 1 });
    const named = { requestId: "r" };
    await expect(records.update("42", { nick: "x" }, { version, ...named })).rejects.toMatchObject(conflict);
    expect(await records.update("42", { nick: "x" }, { version: version + 1, ...named })).toEqual({
      version: version + 2,
    });
  });

  it("let one of fifty win that have read the same version", async () => {
    const ports = await Promise.all([backend.connect(), backend.connect()]);
    const records = open();
    const { version } = await records.set("42", ada);
    const prefix = `${backend.prefix}:${number}`;
    const racers = ports.map((port) => createRecords<Profile>(port, { prefix, ttl: minutes(10) }));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 50 }, (_, i) => racers[i % 2]?.update("42", { visits: i + 1 }, { version })),
    );
    const won = outcomes.flatMap(({ status }, i) => (status === "fulfilled" ? [i + 1] : []));
    expect(won).toHaveLength(1);
    expect(await records.get("42")).toEqual({ data: { name: "Ada", visits: won[0] }, version: version + 1 });
    for (const outcome of outcomes) if (outcome.status === "rejected") expect(outcome.reason).toMatchObject(conflict);
  });

  it("lose none of fifty increments at once, beside updates of other properties", async () => {
    const records = open();
    await records.set("42", ada);
    const work = Array.from({ length: 50 }, async (_, i) => {
      const sum = await records.increment("42", "visits", i);
      if (i % 5 === 0) await records.update("42", { nick: `nick ${i}` });
      return sum;
    });
    const sums = await Promise.all(work);
    expect(Math.max(...sums.map(Number))).toBe(1_225);
    expect((await records.get("42"))?.data).toMatchObject({ name: "Ada", visits: 1_225, nick: expect.any(String) });
  });

  it("of half a record each are made of what is there, and none is lost", async () => {
    const records = open();
    await records.set("42", ada);
    const turns = sized(50, 10);
    await Promise.all(
      Array.from({ length: turns }, () =>
        modifyRecord(records, "42", (was) => ({ ...ada, visits: (was?.visits ?? 0) + 1 })),
      ),
    );
    expect((await records.get("42"))?.data.visits).toBe(turns);
  });

  it("are made anew of what another wrote in between", async () => {
    const records = open();
    await records.set("42", ada);
    const seen: (number | undefined)[] = [];
    const { version } = await modifyRecord(records, "42", async (was) => {
      seen.push(was?.visits);
      if (seen.length < 3) await records.increment("42", "visits");
      return { ...ada, ...was, nick: `after ${was?.visits}` };
    });
    expect(seen).toEqual([0, 1, 2]);
    expect(await records.get("42")).toEqual({ data: { name: "Ada", visits: 2, nick: "after 2" }, version });
  });

  it("give up after so many others, and have changed nothing", async () => {
    const records = open();
    await records.set("42", ada);
    let attempts = 0;
    const losing = modifyRecord(
      records,
      "42",
      async (was) => {
        attempts += 1;
        await records.increment("42", "visits");
        return { ...ada, ...was, name: "Eve" };
      },
      { attempts: 4 },
    );
    await expect(losing).rejects.toMatchObject(conflict);
    expect(attempts).toBe(4);
    expect((await records.get("42"))?.data).toEqual({ name: "Ada", visits: 4 });
  });

  it("make a record where there is none, unless another does at the same time", async () => {
    const records = open();
    const seen: unknown[] = [];
    await modifyRecord(records, "42", async (was) => {
      seen.push(was);
      if (seen.length === 1) await records.set("42", { name: "Bob", visits: 1 });
      return { ...ada, ...was, visits: (was?.visits ?? 0) + 1 };
    });
    expect(seen).toEqual([null, { name: "Bob", visits: 1 }]);
    expect((await records.get("42"))?.data).toEqual({ name: "Bob", visits: 2 });
  });

  it("judge a refused one anew when it comes again", async () => {
    const records = open();
    await records.set("42", ada);
    const late = () => records.set("42", { name: "Eve", visits: 5 }, { version: null, requestId: "r" });
    await expect(late()).rejects.toMatchObject(conflict);
    await records.delete("42");
    await late();
    expect((await records.get("42"))?.data).toEqual({ name: "Eve", visits: 5 });
  });

  it("write what differs alone, also of an object that was changed in place", async () => {
    const port = withFaults(redis);
    const records = open(port);
    await records.set("42", { ...ada, nick: "countess" });
    const sent: unknown[] = [];
    port.next((run) => run());
    const spy: Redis = {
      ...redis,
      send: (command, options) => {
        sent.push(...command.slice(-4));
        return redis.send(command, options);
      },
    };
    const watched = createRecords<Profile>(spy, { prefix: `${backend.prefix}:${number}`, ttl: minutes(10) });
    await modifyRecord(watched, "42", (was) => {
      const record = was ?? { ...ada };
      record.visits += 1;
      delete record.nick;
      return record;
    });
    expect(sent.slice(-4)).toEqual([1, "nick", "visits", "1"]);
    expect((await records.get("42"))?.data).toEqual({ name: "Ada", visits: 1 });
  });

  it("end with what their function throws, with the signal's reason, and where an object was not made here", async () => {
    const records = open();
    const failure = new Error("no");
    const failing = modifyRecord(records, "42", () => {
      throw failure;
    });
    await expect(failing).rejects.toBe(failure);
    const controller = new AbortController();
    const leaving = modifyRecord(
      records,
      "42",
      async () => {
        await records.set("42", ada);
        controller.abort(failure);
        return ada;
      },
      { signal: controller.signal },
    );
    await expect(leaving).rejects.toBe(failure);
    for (const [name, call] of [
      ["records", () => modifyRecord({ ...records }, "42", () => ada)],
      ["change", () => modifyRecord(records, "42", ada as never)],
      ["change", () => modifyRecord(records, "42", () => undefined as never)],
      ["records.delete", () => modifyRecord(records, "42", () => null as never)],
      ["attempts", () => modifyRecord(records, "42", () => ada, { attempts: 0 })],
      ["options", () => modifyRecord(records, "42", () => ada, 5 as never)],
    ] as const) {
      await expect(call()).rejects.toMatchObject({ code: "OPTION", message: expect.stringContaining(name) });
    }
    expect((await records.get("42"))?.data).toEqual(ada);
  });
});
