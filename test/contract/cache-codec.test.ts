import * as devalue from "devalue";
import { expect, it } from "vitest";
import {
  type CacheOptions,
  type Codec,
  type Compression,
  createCache,
  deflate,
  getOrSetMany,
  updateEntry,
  withLocal,
} from "../../src/core/patterns/cache/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import { text } from "../../src/core/port/reply.ts";
import { onEveryBackend } from "../support/backends.ts";

const reverse = (text: string) => text.split("").toReversed().join("");
const isoDates = (_: string, value: unknown) =>
  typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value) ? new Date(value) : value;

/** Codecs of every manner. Some read what others wrote, and make something else of it. */
const codecs: readonly Codec[] = [
  { name: "devalue", encode: devalue.stringify, decode: devalue.parse },
  { name: "identity", encode: String, decode: (text) => text },
  { name: "json", encode: (value) => JSON.stringify(value), decode: (text) => JSON.parse(text) },
  { name: "json-dates", encode: (value) => JSON.stringify(value), decode: (text) => JSON.parse(text, isoDates) },
  {
    name: "superjson",
    encode: (value) => JSON.stringify({ json: value, meta: { values: ["Date"] } }),
    decode: (text) => new Date(JSON.parse(text).json),
  },
  { name: "base64", encode: (value) => btoa(devalue.stringify(value)), decode: (text) => devalue.parse(atob(text)) },
  { name: "reversed", encode: (value) => reverse(devalue.stringify(value)), decode: reverse },
  { name: "a.B_9-".padEnd(32, "z"), encode: () => "", decode: () => null },
];

/** Compressions that read what another one wrote, too. */
const compressions: readonly (Compression | undefined)[] = [
  undefined,
  deflate({ threshold: 1 }),
  {
    name: "reversed",
    threshold: 1,
    compress: async (text) => reverse(text),
    decompress: async (text) => reverse(text),
  },
  { name: "none", threshold: 1, compress: async (text) => text, decompress: async (text) => text },
];

type Way = Pick<CacheOptions, "codec" | "compression">;

const nameOf = ({ codec, compression }: Way) => `${codec?.name ?? "JSON"}, ${compression?.name ?? "as it is"}`;
const [, identity] = codecs;

/** Who reads what a way has written. */
const readings: readonly { readonly writer: Way; readonly readers: readonly Way[] }[] = [
  ...[undefined, deflate({ threshold: 1 })].flatMap((compression) =>
    codecs.map((codec) => ({
      writer: { codec, compression },
      readers: [undefined, ...codecs]
        .filter((other) => other !== codec)
        .map((other) => ({ codec: other, compression })),
    })),
  ),
  // What is not compressed is read by all of them.
  ...compressions.slice(1).map((compression) => ({
    writer: { codec: identity, compression },
    readers: compressions
      .filter((other) => other !== compression)
      .map((other) => ({ codec: identity, compression: other })),
  })),
];

/** Each codec against each other and against none, plain and compressed; and each compression against each other. */
const pairs = readings.flatMap(({ writer, readers }) =>
  readers.map((reader) => [nameOf(writer), nameOf(reader), writer, reader] as const),
);

onEveryBackend("the cache's codecs", (backend) => {
  let serial = 0;
  const open = async (more: Partial<CacheOptions> = {}) => {
    serial += 1;
    const prefix = `${backend.prefix}:c${serial}`;
    const redis = await backend.connect();
    const events: PatternEvent[] = [];
    const options = { prefix, ttl: 60_000, timeout: 10_000, onEvent: (event: PatternEvent) => events.push(event) };
    const again = (other: Partial<CacheOptions>) => createCache(redis, { ...options, ...other });
    const rawOf = async (id: string) => text(await redis.send(["GET", `cache:${prefix}:{${id}}`]));
    return { cache: again(more), again, rawOf, events, redis, prefix };
  };
  const loaded = { loaded: true };

  it.each(backend.share(pairs))("make what was written by %s a miss for %s", async (_, __, writer, reading) => {
    const { cache, again, events } = await open(writer);
    const ids = ["peek", "get", "update", "many", "local"];
    await cache.setMany(ids.map((id) => [id, new Date(0)]));
    expect(await cache.get("peek")).toEqual(writer.codec?.decode(writer.codec.encode(new Date(0))));
    const reader = again(reading);
    expect(await reader.peek("peek")).toBeNull();
    expect(await reader.getMany(ids)).toEqual(ids.map(() => undefined));
    expect(await reader.getOrSet("get", () => loaded)).toEqual(loaded);
    expect(await reader.get("get")).toEqual(loaded);
    expect(await getOrSetMany(reader, ["many"], () => new Map([["many", loaded]]))).toEqual([loaded]);
    const given: unknown[] = [];
    const update = (value: unknown) => {
      given.push(value);
      return loaded;
    };
    expect(await updateEntry(reader, "update", update)).toEqual(loaded);
    expect(given).toEqual([undefined]);
    const local = withLocal(reader, { maxStaleness: 60_000 });
    for (let i = 0; i < 3; i += 1) expect(await local.getOrSet("local", () => loaded)).toEqual(loaded);
    expect(events.filter(({ type }) => type === "error")).toEqual([]);
  });

  it("write plain JSON as plain JSON, which a cache with any codec reads", async () => {
    const { cache, again, rawOf } = await open({ codec: identity });
    await cache.set("k", { a: [1, "b", null, true] });
    expect(await rawOf("k")).toMatch(/^~1j,,,[^;]*;/);
    for (const codec of [undefined, ...codecs])
      expect(await again({ codec }).get("k")).toEqual({ a: [1, "b", null, true] });
  });

  it("are asked where JSON changes something that is easily overlooked", async () => {
    const { cache, rawOf } = await open({ codec: codecs[0] });
    // oxlint-disable-next-line no-sparse-arrays -- a hole is what is tested
    const values = { hole: [1, , 2], zero: -0, match: Object.assign(["a"], { index: 0 }), none: { a: undefined } };
    for (const [id, value] of Object.entries(values)) {
      await cache.set(id, value);
      expect(await rawOf(id)).toMatch(/^~1c:devalue,/);
    }
    expect(await cache.get("zero")).toBe(-0);
  });

  it("make a payload that they cannot read a miss that is told of", async () => {
    const { cache, again, events } = await open({ codec: codecs[0] });
    await cache.setMany([
      ["get", new Date(0)],
      ["load", new Date(0)],
    ]);
    const fail = () => {
      throw new Error("not mine");
    };
    const broken = again({ codec: { name: "devalue", encode: devalue.stringify, decode: fail } });
    expect(await broken.get("get")).toBeUndefined();
    expect(await broken.getOrSet("load", () => "loaded")).toBe("loaded");
    expect(events.find(({ type }) => type === "error")).toMatchObject({ id: "get", error: { message: "not mine" } });
  });

  it("keep nothing of what they cannot write, and say why", async () => {
    const fail = () => {
      throw new Error("cannot");
    };
    const { cache, again, events, redis, prefix } = await open({ codec: { name: "a", encode: fail, decode: fail } });
    await expect(cache.set("k", new Date())).rejects.toThrow("cannot");
    expect(await cache.getOrSet("k", () => new Date(0))).toEqual(new Date(0));
    expect(events.filter(({ type }) => type === "error")).toMatchObject([{ id: "k", error: { message: "cannot" } }]);
    const wordless = again({ codec: { name: "a", encode: (() => undefined) as never, decode: fail } });
    await expect(wordless.set("k", new Date())).rejects.toThrow(OptionError);
    expect(await redis.send(["EXISTS", `cache:${prefix}:{k}`])).toBe(0);
  });

  it("have names that are short and plain", async () => {
    const { again } = await open();
    const [encode, decode] = [String, (text: string) => text];
    for (const name of ["", "a,b", "a;b", "a:b", "a b", "ü", "a".repeat(33), undefined as never, 7 as never]) {
      expect(() => again({ codec: { name, encode, decode } })).toThrow(OptionError);
      expect(() => again({ compression: { ...deflate(), name } })).toThrow(OptionError);
    }
    expect(() => again({ codec: devalue as never })).toThrow("encode: stringify");
  });

  it("read no object of the overflow that another write has put in the place of theirs", async () => {
    const objects = new Map<string, string>();
    const overflow = {
      async put(id: string, text: string) {
        objects.set(id, text);
        return id;
      },
      get: async (name: string) => objects.get(name) ?? null,
    };
    const more = { maxBytes: 10, overflow, codec: codecs[0] };
    const { cache } = await open(more);
    await cache.set("k", "current value");
    const kept = await cache.get("k");
    // A load that lost its lease has put its object, and its entry is refused.
    await cache.getOrSet("l", async () => {
      await cache.set("l", "current value");
      return "overtaken value";
    });
    expect(kept).toBe("current value");
    expect(await cache.get("l")).not.toBe("overtaken value");
  });
});
