import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { createRecords, modifyRecord, type Records } from "../../src/core/patterns/record/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { minutes } from "../../src/core/time/duration.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

type Data = Record<string, unknown>;

/** What the records are to be: an object for each id, and how often it was changed since it was made. */
class Model {
  readonly records = new Map<string, { readonly data: Data; readonly changes: number }>();

  write(id: string, data: Data): number {
    const changes = (this.records.get(id)?.changes ?? -1) + 1;
    const kept = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
    this.records.set(id, { data: kept, changes });
    return changes;
  }
}

const id = fc.constantFrom("a", "b");
const property = fc.constantFrom("n", "text", "", ":v1", "__proto__");
const part = fc.oneof(
  fc.integer(),
  fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value))),
);
const data = fc.dictionary(property, part, { minKeys: 2, maxKeys: 5 });
const patch = fc.dictionary(property, fc.option(part, { nil: undefined, freq: 2 }), { maxKeys: 3 });
/** Whether a call names the present version, an old one, or none. */
const version = fc.constantFrom("none", "none", "present", "old");

const step = fc.oneof(
  fc.record({ call: fc.constant("set" as const), id, data, version }),
  fc.record({ call: fc.constant("update" as const), id, data: patch, version }),
  fc.record({ call: fc.constant("increment" as const), id, property, by: fc.maxSafeInteger() }),
  fc.record({ call: fc.constant("increment" as const), id, property, by: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ call: fc.constant("modify" as const), id, data }),
  fc.record({ call: fc.constant("delete" as const), id, version }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
const steps = fc.array(step, { minLength: 10, maxLength: sized(40, 25), size: "max" });

/** One run of steps: the records, the model, and the first version of each record, from which versions are counted. */
interface Run {
  readonly records: Records<Data>;
  readonly model: Model;
  readonly firsts: Map<string, number>;
}

/** What a call answers, or the code of what it throws. */
const attempt = (work: Promise<unknown>) => work.catch((error: unknown) => Reflect.get(Object(error), "code"));

/** Does a step with the records and with the model, and gives what each answers. */
async function play(run: Run, step: Step): Promise<readonly [answer: unknown, expected: unknown]> {
  if (step.call === "increment") return increment(run, step);
  const { records, model, firsts } = run;
  const { id } = step;
  const before = model.records.get(id);
  const first = firsts.get(id) ?? 1;
  const chosen = "version" in step ? step.version : "none";
  const version = { none: undefined, present: before && first + before.changes, old: first - 1 }[chosen];
  const isOld = chosen === "old" && (before !== undefined || step.call === "set");
  const counted = async (work: Promise<{ readonly version: number } | null>) => {
    const made = await work;
    if (made && !before) firsts.set(id, made.version);
    return made && made.version - (firsts.get(id) ?? 0);
  };
  const write = (data: Data) => (isOld ? "CONFLICT" : model.write(id, data));
  if (step.call === "set") {
    return [await attempt(counted(records.set(id, step.data, { version }))), write(step.data)];
  }
  if (step.call === "update") {
    const answer = await attempt(counted(records.update(id, step.data, { version })));
    return [answer, before ? write({ ...before.data, ...step.data }) : null];
  }
  if (step.call === "modify") {
    const work = modifyRecord(records, id, (was) => ({ ...step.data, had: was !== null }));
    return [await attempt(counted(work)), write({ ...step.data, had: before !== undefined })];
  }
  return [await attempt(records.delete(id, { version })), isOld ? "CONFLICT" : model.records.delete(id)];
}

async function increment({ records, model }: Run, { id, property, by }: Extract<Step, { call: "increment" }>) {
  const answer = await attempt(records.increment(id, property, by));
  const before = model.records.get(id);
  if (!before) return [answer, null] as const;
  const value = Object.hasOwn(before.data, property) ? before.data[property] : 0;
  const sum = Number(value) + by;
  if (!Number.isSafeInteger(value) || !Number.isSafeInteger(sum)) return [answer, "RECORD_DATA"] as const;
  model.write(id, { ...before.data, [property]: sum });
  return [answer, sum] as const;
}

/** Where the records differ from the model. */
async function differences(records: Records<Data>, steps: readonly Step[]): Promise<string[]> {
  const model = new Model();
  const firsts = new Map<string, number>();
  const found: string[] = [];
  for (const step of steps) {
    const [answer, expected] = await play({ records, model, firsts }, step);
    if (answer !== expected) found.push(`${JSON.stringify(step)} answered ${String(answer)}, not ${String(expected)}`);
  }
  const held = await records.getMany(["a", "b"]);
  for (const [i, id] of ["a", "b"].entries()) {
    const [one, other] = [held[i], model.records.get(id)];
    const version = one && one.version - (firsts.get(id) ?? 0);
    const same = one ? version === other?.changes && sorted(one.data) === sorted(other?.data) : !other;
    if (!same) found.push(`${id} is ${JSON.stringify(one)}, not ${JSON.stringify(other)}`);
  }
  return found;
}

function sorted(data: object | undefined): string {
  return JSON.stringify(Object.entries(data ?? {}).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

const seed = 20_261_127;

const broken: readonly (readonly [string, (records: Records<Data>) => Partial<Records<Data>>])[] = [
  [
    "that forgets to remove a property",
    (records) => ({ update: (id, partial, call) => records.update(id, withoutGaps(partial), call) }),
  ],
  ["that heeds no version", (records) => ({ update: (id, partial) => records.update(id, partial) })],
  [
    "whose update makes a record",
    (records) => ({
      update: async (id, partial, call) => (await records.update(id, partial, call)) ?? records.set(id, partial),
    }),
  ],
  [
    "that counts one too few",
    (records) => ({
      increment: async (id, property, by) => {
        const sum = await records.increment(id, property, by);
        return sum === null ? null : sum - 1;
      },
    }),
  ],
  [
    "that sets over what was there",
    (records) => ({
      set: async (id, value, call) =>
        call?.version === undefined
          ? ((await records.update(id, value)) ?? records.set(id, value))
          : records.set(id, value, call),
    }),
  ],
];

onEveryBackend("records, beside a map of objects", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = () => createRecords<Data>(redis, { prefix: `${backend.prefix}:${(number += 1)}`, ttl: minutes(10) });

  it("answer the same to any calls, and hold the same in the end", async () => {
    const property = fc.asyncProperty(steps, async (steps) => {
      expect(await differences(open(), steps)).toEqual([]);
    });
    await fc.assert(property, { numRuns: sized(200, 2), seed, endOnFailure: true });
  }, 120_000);

  it.each(backend.share(broken))("would not, if it were one %s", async (_, change) => {
    for (const sample of fc.sample(steps, { numRuns: 30, seed })) {
      const records = open();
      if ((await differences(Object.assign(records, change({ ...records })), sample)).length > 0) return;
    }
    expect.unreachable("nobody noticed");
  });
});

function withoutGaps(data: object): object {
  return Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));
}
