import * as devalue from "devalue";
import { describe, expect, it } from "vitest";
import {
  type Cache,
  type CacheOptions,
  createCache,
  getOrSetMany,
  plainJson,
} from "../../src/core/patterns/cache/index.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import { heldLoad, until } from "../fixtures/cache-tools.ts";
import { bareKeys, onEveryBackend } from "../support/backends.ts";

interface Basket {
  items: string[];
  readonly since?: Date;
}

const codec = { name: "devalue", encode: devalue.stringify, decode: devalue.parse };

onEveryBackend(
  "callers of the cache that share one load",
  (backend) => {
    let serial = 0;
    const open = async (more: Partial<CacheOptions<Basket>> = {}) => {
      serial += 1;
      const redis = await backend.connect();
      const events: PatternEvent[] = [];
      const prefix = `${backend.prefix}:s${serial}`;
      const onEvent = (event: PatternEvent) => void events.push(event);
      const settings = { prefix, ttl: 60_000, timeout: 10_000, onEvent, ...more };
      const again = async () => createCache<Basket>(await backend.connect(), settings);
      return { cache: createCache<Basket>(redis, settings), again, redis, prefix, events };
    };

    /** Each caller changes what it got, as soon as it has it. Returns what each got. */
    const changing = (cache: Cache<Basket>, load: () => Basket | Promise<Basket>) =>
      Promise.all(
        ["a", "b", "c", "d"].map(async (name) => {
          const signal = name > "b" ? new AbortController().signal : undefined;
          const basket = await cache.getOrSet("k", load, { signal });
          const got = structuredClone(basket);
          basket.items.push(name);
          basket.since?.setTime(1);
          return got;
        }),
      );

    const kept: [string, () => Basket, Partial<CacheOptions<Basket>>][] = [
      ["a value of JSON", () => ({ items: [] }), {}],
      ["a value of plain JSON", () => ({ items: [] }), { format: plainJson }],
      [
        "a value with a schema",
        () => ({ items: [] }),
        { schema: { "~standard": { validate: (v) => ({ value: v as Basket }) } } },
      ],
      ["a value of a codec", () => ({ items: [], since: new Date(0) }), { codec }],
    ];

    describe.each(kept)("%s", (_, make, more) => {
      it("is not changed by one for the others", async () => {
        const { cache } = await open(more);
        const load = heldLoad<Basket>();
        const got = changing(cache, load.load);
        await load.started;
        load.finish(make());
        expect(await got).toEqual([1, 2, 3, 4].map(make));
        expect(await cache.get("k")).toEqual(make());
      });

      it("is not changed by one for the others where another process loads", async () => {
        const { cache, again } = await open(more);
        const load = heldLoad<Basket>();
        const loading = (await again()).getOrSet("k", load.load);
        await load.started;
        const got = changing(cache, () => ({ items: ["own"] }));
        load.finish(make());
        await loading;
        expect(await got).toEqual([1, 2, 3, 4].map(make));
      });
    });

    it("get a stale value each for itself", async () => {
      const { cache, redis, prefix } = await open({ staleIfError: 60_000, jitter: 0, softTimeout: 20 });
      await cache.set("k", { items: [] });
      await redis.send(["PEXPIRE", `cache:${prefix}:{k}`, 30_000]);
      const load = heldLoad<Basket>();
      expect(await changing(cache, load.load)).toEqual([1, 2, 3, 4].map(() => ({ items: [] })));
      load.finish({ items: [] });
    });

    it("get one and the same where neither JSON nor a codec carries it", async () => {
      const { cache } = await open();
      const since = { items: [], since: new Date(0) };
      const load = heldLoad<Basket>();
      const got = [1, 2].map(() => cache.getOrSet("k", load.load));
      await load.started;
      load.finish(since);
      expect(await Promise.all(got)).toEqual([since, since]);
      for (const one of got) expect(await one).toBe(since);
    });
  },
  bareKeys,
);

onEveryBackend("a key of another type, among several of one call,", (backend) => {
  let serial = 0;
  const ways = (["get", "script"] as const).flatMap((readBy) =>
    [{}, { staleWhileRevalidate: 1_000 }].map((more) => ({ readBy, ...more })),
  );

  it.each(ways)("costs the others nothing; alone it is a mistake that throws (%j)", async (more) => {
    serial += 1;
    const redis = await backend.connect();
    const events: PatternEvent[] = [];
    const prefix = `${backend.prefix}:w${serial}`;
    const settings = { prefix, ttl: 60_000, timeout: 10_000, ...more };
    const onEvent = (event: PatternEvent) => void events.push(event);
    const cache = createCache<string>(redis, { ...settings, onEvent });
    await cache.set("kept", "kept");
    await redis.send(["LPUSH", `cache:${prefix}:{list}`, "not ours"]);
    await redis.send(["PEXPIRE", `cache:${prefix}:{list}`, 60_000]);
    const ids = ["kept", "new", "list"];
    const asked: string[][] = [];
    const load = (missing: readonly string[]) => {
      asked.push([...missing]);
      return new Map(missing.map((id) => [id, `${id} loaded`]));
    };
    const expected = ["kept", "new loaded", "list loaded"];
    expect(await getOrSetMany(cache, ids, load)).toEqual(expected);
    expect(asked).toEqual([["new", "list"]]);
    await until(async () => (await cache.get("new")) === "new loaded");
    const errorsOf = () => events.filter(({ type }) => type === "error").map(({ id, error }) => [id, error]);
    const wrongType = ["list", expect.objectContaining({ code: "WRONGTYPE" })];
    expect(errorsOf()).toEqual([wrongType]);
    expect(await getOrSetMany(cache, ids, load)).toEqual(expected);
    expect(asked).toEqual([["new", "list"], ["list"]]);
    // The same key alone.
    events.length = 0;
    await expect(cache.resolve("list", () => "alone")).rejects.toMatchObject({
      code: "WRONGTYPE",
      message: expect.stringContaining("choose another `prefix`"),
    });
    expect(errorsOf()).toEqual([wrongType]);
    // Alone or not, it rejects where a failure of Redis is to be thrown, and no lease stays.
    const strict = createCache<string>(redis, { ...settings, onUnavailable: "throw" });
    await expect(strict.getOrSet("list", () => "x")).rejects.toMatchObject({ code: "WRONGTYPE" });
    await cache.delete("new");
    await expect(getOrSetMany(strict, ids, load)).rejects.toMatchObject({ code: "WRONGTYPE" });
    await until(async () => (await redis.send(["EXISTS", `cache:${prefix}:{new}:lease`])) === 0);
  });
});
