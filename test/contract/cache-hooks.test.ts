import { describe, expect, it } from "vitest";
import {
  type CacheOptions,
  createCache,
  getOrSetMany,
  updateEntry,
  writeAround,
  writeThrough,
} from "../../src/core/patterns/cache/index.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import { gate, until } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";

const long = "x".repeat(40);
const never = () => new Promise<never>(() => {});

/** Hooks that work, of which one hangs from a moment on. */
function hooks() {
  const hanging = { now: "" };
  const objects = new Map<string, string>();
  const unless = async <R>(name: string, work: () => R): Promise<R> => (hanging.now === name ? never() : work());
  const overflow = {
    put: (id: string, text: string) => unless("overflow.put", () => (objects.set(id, text), id)),
    get: (name: string) => unless("overflow.get", () => objects.get(name) ?? null),
  };
  const compression = {
    name: "none",
    threshold: 1,
    compress: (text: string) => unless("compress", () => text),
    decompress: (text: string) => unless("decompress", () => text),
  };
  const validate = (value: unknown) => unless("schema", () => ({ value }));
  const options = { maxBytes: 20, overflow, compression, schema: { "~standard": { validate } } };
  return { hanging, options };
}

onEveryBackend("a cache whose hook hangs", (backend) => {
  let serial = 0;
  const open = async (more: Partial<CacheOptions> = {}) => {
    serial += 1;
    const { hanging, options } = hooks();
    const events: PatternEvent[] = [];
    const cache = createCache(await backend.connect(), {
      prefix: `${backend.prefix}:h${serial}`,
      ttl: 60_000,
      timeout: 1_000,
      onEvent: (event) => void events.push(event),
      ...options,
      ...more,
    });
    const errors = () => events.filter(({ type }) => type === "error").map(({ error }) => error);
    return { cache, hanging, errors };
  };
  const late = () => expect.objectContaining({ code: "HOOK_TIMEOUT" });

  // Each waits for the deadline of a hook, so one backend has each in `npm test`: what hangs here is on this side of the wire.
  describe.each(backend.share(["overflow.get", "decompress", "schema"]))("as it reads: %s", (hook) => {
    it.each(["get", "script"] as const)("loads, and tells why (readBy: %s)", async (readBy) => {
      const { cache, hanging, errors } = await open({ readBy });
      await cache.setMany(["one", "many", "peek", "update"].map((id) => [id, long]));
      hanging.now = hook;
      const load = (ids: readonly string[]) => new Map(ids.map((id) => [id, `${id} loaded`]));
      expect(
        await Promise.all([
          cache.getOrSet("one", () => "loaded"),
          getOrSetMany(cache, ["many"], load),
          cache.peek("peek"),
        ]),
      ).toEqual(["loaded", ["many loaded"], null]);
      expect(errors().length).toBeGreaterThan(2);
      expect(errors()).toEqual(errors().map(late));
    });

    it("changes nothing by an update of what could not be read", async () => {
      const { cache, hanging } = await open();
      await cache.set("kept", long);
      hanging.now = hook;
      const seen: unknown[] = [];
      await expect(updateEntry(cache, "kept", (value) => (seen.push(value), "changed"))).rejects.toEqual(late());
      hanging.now = "";
      expect(seen).toEqual([]);
      expect(await cache.get("kept")).toBe(long);
    });

    it("ends the wait of a call that is aborted", async () => {
      const { cache, hanging } = await open({ timeout: 60_000 });
      await cache.setMany(["one", "many", "peek"].map((id) => [id, long]));
      hanging.now = hook;
      const leaving = new AbortController();
      const { signal } = leaving;
      const calls = [
        cache.getOrSet("one", () => 1, { signal }),
        getOrSetMany(cache, ["many"], () => new Map(), { signal }),
        cache.peek("peek", { signal }),
        updateEntry(cache, "one", () => 1, { signal }),
      ];
      setTimeout(() => leaving.abort(new Error("left")), 50);
      for (const call of calls) await expect(call).rejects.toThrow("left");
    });
  });

  describe.each(backend.share(["overflow.put", "compress"]))("as it writes: %s", (hook) => {
    it("gives the loaded value, and tells why it is not kept", async () => {
      const { cache, hanging, errors } = await open();
      hanging.now = hook;
      expect(
        await Promise.all([
          cache.getOrSet("one", () => long),
          getOrSetMany(cache, ["many"], () => new Map([["many", long]])),
          writeThrough(cache, "through", () => long),
        ]),
      ).toEqual([long, [long], long]);
      expect(errors()).toEqual([late(), late(), late()]);
    });

    it("refuses what would be written by hand", async () => {
      const { cache, hanging } = await open();
      hanging.now = hook;
      await Promise.all([
        expect(cache.set("set", long)).rejects.toEqual(late()),
        expect(cache.setMany([["many", long]])).rejects.toEqual(late()),
        expect(updateEntry(cache, "update", () => long)).rejects.toEqual(late()),
      ]);
      hanging.now = "";
      expect(await cache.getMany(["set", "many", "update"])).toEqual([undefined, undefined, undefined]);
    });

    it("ends the wait of a call that is aborted", async () => {
      const { cache, hanging } = await open({ timeout: 60_000 });
      hanging.now = hook;
      const leaving = new AbortController();
      const { signal } = leaving;
      const calls = [
        cache.getOrSet("one", () => long, { signal }),
        getOrSetMany(cache, ["many"], () => new Map([["many", long]]), { signal }),
        cache.set("set", long, { signal }),
        updateEntry(cache, "update", () => long, { signal }),
      ];
      setTimeout(() => leaving.abort(new Error("left")), 50);
      for (const call of calls) await expect(call).rejects.toThrow("left");
    });
  });

  describe("as it updates", () => {
    it("waits for `hardTimeout`", async () => {
      const { cache } = await open({ hardTimeout: 20 });
      await expect(updateEntry(cache, "k", never)).rejects.toMatchObject({ code: "LOAD_TIMEOUT" });
    });

    it("ends the wait of a call that is aborted", async () => {
      const { cache } = await open();
      const leaving = new AbortController();
      const called = gate();
      const hung = () => (called.open(), never());
      const update = updateEntry(cache, "k", hung, { signal: leaving.signal });
      await called.opened;
      leaving.abort(new Error("left"));
      await expect(update).rejects.toThrow("left");
    });
  });

  it("waits for a writer as long as it takes, and for no timeout or signal", async () => {
    const { cache } = await open({ timeout: 1_000, hardTimeout: 1, waitTimeout: 1, softTimeout: 1 });
    const [written, leaving] = [gate<string>(), new AbortController()];
    const settled: unknown[] = [];
    const writer = () => written.opened;
    const writes = [writeThrough(cache, "k", writer, { signal: leaving.signal }), writeAround(cache, "l", writer)];
    for (const write of writes) void write.then((value) => settled.push(value));
    leaving.abort(new Error("left"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(settled).toEqual([]);
    written.open("value");
    await until(() => settled.length === 2);
    expect(settled).toEqual(["value", "value"]);
  });
});
