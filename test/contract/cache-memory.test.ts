import { parse, stringify } from "devalue";
import { describe, expect, it } from "vitest";
import { type CacheOptions, createCache, type LocalOptions, withLocal } from "../../src/core/patterns/cache/index.ts";
import { counted } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

/** Node alone has buffers. */
const hasBuffers = "Buffer" in globalThis;

/** Carries buffers, DataViews and instances of a class, too. */
const codec = {
  name: "devalue-plus",
  encode: (value: unknown) =>
    stringify(value, {
      Buffer: (part) => hasBuffers && Buffer.isBuffer(part) && part.toString("hex"),
      DataView: (part) => part instanceof DataView && part.buffer,
      Money: (part) => part instanceof Money && part.cents,
    }),
  decode: (text: string): unknown =>
    parse(text, {
      Buffer: (hex: string) => Buffer.from(hex, "hex"),
      DataView: (buffer: ArrayBuffer) => new DataView(buffer),
      Money: (cents: number) => new Money(cents),
    }),
};

class Money {
  constructor(public cents: number) {}
}

interface Changeable {
  readonly make: () => unknown;
  readonly change: (value: never) => unknown;
}

const cyclic = () => {
  const value: { self?: unknown; at: Date } = { at: new Date(0) };
  value.self = value;
  return value;
};

const changeable: Record<string, Changeable> = {
  "a date": { make: () => new Date(0), change: (value: Date) => value.setTime(1) },
  "a map": { make: () => new Map([["a", 1]]), change: (value: Map<string, number>) => value.set("a", 2) },
  "a set": { make: () => new Set([1]), change: (value: Set<number>) => value.add(2) },
  bytes: { make: () => new Uint8Array([1, 2]), change: (value: Uint8Array) => value.fill(0) },
  floats: { make: () => new Float64Array([1, 2]), change: (value: Float64Array) => value.fill(0) },
  ...(hasBuffers && {
    "a buffer": { make: () => Buffer.from([1, 2]), change: (value: Uint8Array) => value.fill(0) },
  }),
  "an ArrayBuffer": {
    make: () => new Uint8Array([1, 2]).buffer,
    change: (value: ArrayBuffer) => new Uint8Array(value).fill(0),
  },
  "a DataView": {
    make: () => new DataView(new Uint8Array([1, 2]).buffer),
    change: (value: DataView) => value.setUint8(0, 9),
  },
  "an instance of a class": { make: () => new Money(1), change: (value: Money) => (value.cents = 2) },
  "a map in a set in an object": {
    make: () => ({ a: [new Set([new Map([["a", new Date(0)]])])] }),
    change: (value: { a: [Set<Map<string, Date>>] }) => [...value.a[0]][0]?.get("a")?.setTime(1),
  },
  "an object beside a date": {
    make: () => ({ at: new Date(0), list: [1] }),
    change: (value: { list: number[] }) => value.list.push(2),
  },
  "a date in a cycle": { make: cyclic, change: (value: { at: Date }) => value.at.setTime(1) },
};

/** Values of at least 100 kB each. */
const large: readonly (readonly [name: string, make: () => unknown])[] = [
  ["bytes", () => new Uint8Array(100_000)],
  ["a map", () => new Map([["a", "x".repeat(100_000)]])],
  ["a list in a set", () => new Set([Array.from({ length: 20_000 }, (_, i) => i)])],
  ["dates", () => Array.from({ length: 5_000 }, () => new Date())],
  ["text", () => "x".repeat(60_000)],
  ["numbers", () => Array.from({ length: 15_000 }, (_, i) => i)],
  ["names", () => Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`${"n".repeat(50)}${i}`, 1]))],
];

onEveryBackend("what the cache's local tier holds", (backend) => {
  let serial = 0;
  const setUp = async (options: Partial<CacheOptions> = {}, limits: Partial<LocalOptions> = {}) => {
    serial += 1;
    const { port, trips } = counted(await backend.connect());
    const prefix = `${backend.prefix}:m${serial}`;
    const cache = createCache(port, { prefix, ttl: 60_000, timeout: 10_000, maxBytes: 10_000_000, ...options });
    const local = withLocal(cache, { maxStaleness: 60_000, ...limits });
    const load = () => Promise.reject(new Error("nothing is loaded here"));
    const read = (id: string) => local.getOrSet(id, load);
    const fill = async (id: string, value: unknown) => {
      await cache.set(id, value);
      for (let i = 0; i < 2; i += 1) await read(id);
      trips.length = 0;
    };
    return { local, read, fill, trips };
  };

  describe.each(Object.entries(changeable))("%s", (_, { make, change }) => {
    it("is not changed by one caller for the others, and is served from memory", async () => {
      const { read, fill, trips } = await setUp({ codec });
      await fill("k", make());
      change((await read("k")) as never);
      expect(await read("k")).toEqual(make());
      expect(trips).toEqual([]);
    });

    it("is read from Redis where a schema made it, which no codec is known to carry", async () => {
      const schema = { "~standard": { validate: () => ({ value: make() }) } };
      const { read, fill, trips } = await setUp({ schema });
      await fill("k", 1);
      change((await read("k")) as never);
      expect(await read("k")).toEqual(make());
      expect(trips.length).toBeGreaterThan(0);
    });
  });

  it("is frozen through and through, at any depth and also behind what was frozen already", async () => {
    const parts = { deep: [{ a: { b: [1] } }], big: 1n };
    const schema = { "~standard": { validate: () => ({ value: Object.freeze(parts) }) } };
    const { read, fill, trips } = await setUp({ schema });
    await fill("k", 1);
    const value = (await read("k")) as typeof parts;
    expect(() => value.deep[0]?.a.b.push(2)).toThrow(TypeError);
    let deep: unknown = 1;
    for (let i = 0; i < 2_000; i += 1) deep = [deep];
    const other = await setUp();
    await other.fill("k", deep);
    expect(await other.read("k")).toEqual(deep);
    expect([...trips, ...other.trips]).toEqual([]);
  });

  it.each(backend.share(large))("counts %s by their true size", async (_, make) => {
    const { read, fill, trips } = await setUp({ codec }, { maxBytes: 300_000 });
    const ids = ["a", "b", "c", "d", "e"];
    for (const id of ids) await fill(id, make());
    for (const id of ids.toReversed()) await read(id);
    // At least 100 kB each: no more than three of the five have room.
    expect(trips.filter((name) => /GET|EVALSHA/.test(name)).length).toBeGreaterThanOrEqual(2);
  });
});
