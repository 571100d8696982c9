// What only the cache has; every other fault of its claims is in the ledger of claims.
import { describe, expect, it } from "vitest";
import {
  type Cache,
  type CacheOptions,
  createCache,
  getOrSetMany,
  type Load,
} from "../../../src/core/patterns/cache/index.ts";
import { TimeoutError } from "../../../src/core/errors.ts";
import type { PatternEvent } from "../../../src/core/event.ts";
import type { Command } from "../../../src/core/port/redis.ts";
import { text, texts } from "../../../src/core/port/reply.ts";
import { sleep } from "../../../src/core/wait/sleep.ts";
import { counted, gate, intercepted, until } from "../../fixtures/cache-tools.ts";
import { onStandaloneBackends } from "../../support/backends.ts";

type Send = () => Promise<unknown>;

onStandaloneBackends("a claim of the cache", (backend) => {
  let serial = 0;

  /** A cache whose commands a test can hold up, and one that nothing happens to. */
  const setUp = async (
    around: (command: Command, send: Send) => Promise<unknown>,
    more: Partial<CacheOptions> = {},
  ) => {
    serial += 1;
    const events: PatternEvent[] = [];
    const prefix = `${backend.prefix}:c${serial}`;
    const settings = { prefix, ttl: 60_000, timeout: 10_000, readBy: "script" as const, ...more };
    const redis = await backend.connect();
    const healthy = createCache(redis, settings);
    const warm = createCache(redis, { ...settings, prefix: `${prefix}w` });
    await warm.getOrSet("kept", () => 1);
    // Each script is known to the server, so that a command is one claim and no second attempt.
    await warm.getOrSet("failed", () => Promise.reject(new Error("no"))).catch(() => {});
    const hit = createCache(intercepted(redis, around), { ...settings, onEvent: (event) => void events.push(event) });
    const keys = async (end: string) =>
      texts(await redis.send(["KEYS", `*${prefix}:*`])).filter((key) => key.endsWith(end));
    /** Nobody waits for a lease that nobody holds, and what is loaded is kept. */
    const expectFree = async (...ids: string[]) => {
      expect(await keys("}:lease")).toEqual([]);
      const { port, trips } = counted(redis);
      const next = createCache(port, settings);
      for (const id of ids) {
        expect(await next.resolve(id, () => "next")).toMatchObject({ value: "next", source: "load" });
        expect(await next.get(id)).toBe("next");
      }
      // A claim and a write for each: none was refused, none asked twice. Then one read.
      expect(trips.filter((name) => name === "EVALSHA")).toHaveLength(2 * ids.length);
    };
    return { hit, healthy, events, keys, redis, prefix, expectFree };
  };

  const calls: [
    string,
    readonly string[],
    (cache: Cache<unknown>, load: Load<unknown>, call: Given) => Promise<unknown>,
  ][] = [
    ["getOrSet", ["k"], (cache, load, call) => cache.getOrSet("k", load, call)],
    [
      "getOrSetMany",
      ["k", "l"],
      (cache, load, call) =>
        getOrSetMany(
          cache,
          ["k", "l"],
          async (_, { signal }) => {
            const value = await load({ signal, setTtl: () => {}, setTags: async () => {} });
            return new Map([
              ["k", value],
              ["l", value],
            ]);
          },
          call,
        ),
    ],
  ];
  interface Given {
    readonly signal?: AbortSignal;
    readonly waitUntil?: (work: Promise<unknown>) => void;
  }

  /** Whether a command, or the first of several, asks for a lease: no other has three keys. */
  const isClaim = ([name, , keys]: Command) => name.startsWith("EVAL") && String(keys) === "3";

  describe.each(calls)("of %s", (_, ids, call) => {
    it("that was aborted while it loads is given back, and the caller does not wait for that", async () => {
      const leaving = new AbortController();
      const released = gate();
      const works: Promise<unknown>[] = [];
      let loading = false;
      const { hit, expectFree } = await setUp(async (_, send) => {
        if (loading) await released.opened;
        return send();
      });
      const given = { signal: leaving.signal, waitUntil: (work: Promise<unknown>) => void works.push(work) };
      const load = () => {
        loading = true;
        leaving.abort(new Error("left"));
        return new Promise(() => {});
      };
      await expect(call(hit, load, given)).rejects.toThrow("left");
      released.open();
      await until(() => works.length > 0);
      await Promise.all(works);
      await expectFree(...ids);
    });

    it.each(["once", "twice"])("that arrives %s after its release is granted to nobody", async (times) => {
      const late: Send[] = [];
      const works: Promise<unknown>[] = [];
      const { hit, expectFree, keys, redis } = await setUp(async (command, send) => {
        if (!isClaim(command)) return send();
        late.push(send);
        throw new TimeoutError(1);
      });
      const waitUntil = (work: Promise<unknown>) => void works.push(work);
      await call(hit, () => "own", { waitUntil });
      await Promise.all(works);
      expect(late.length).toBeGreaterThan(0);
      for (const send of late) await send();
      if (times === "twice") for (const send of late) await send();
      for (const key of await keys(":gone")) {
        expect(Number(await redis.send(["PTTL", key]))).toBeGreaterThan(50_000);
        expect(Number(await redis.send(["PTTL", key]))).toBeLessThanOrEqual(60_000);
      }
      expect(await keys(":gone")).toHaveLength(ids.length);
      await expectFree(...ids);
    });

    it("that is doubled, the second after the load has failed, is granted to nobody", async () => {
      const late: Send[] = [];
      const { hit, keys, redis } = await setUp((command, send) => {
        if (isClaim(command)) late.push(send);
        return send();
      });
      await expect(call(hit, () => Promise.reject(new Error("no")), {})).rejects.toThrow("no");
      for (const send of late) await send();
      const left = await Promise.all((await keys("}:lease")).map((key) => redis.send(["GET", key])));
      // The marks of the failure, and no lease.
      expect(left.map((mark) => text(mark)[0])).toEqual(ids.map(() => "!"));
    });

    it("that comes back when the value was kept and deleted costs one lease, which is taken over", async () => {
      const late: Send[] = [];
      const { hit, healthy, keys, redis } = await setUp((command, send) => {
        if (isClaim(command)) late.push(send);
        return send();
      });
      await call(hit, () => "v", {});
      await hit.deleteMany(ids);
      for (const send of late) await send();
      const ghosts = await keys("}:lease");
      expect(ghosts).toHaveLength(ids.length);
      // Nobody renews them: three seconds later, anybody takes them over.
      for (const key of ghosts) await redis.send(["PEXPIRE", key, 50_000 - 3_001]);
      for (const id of ids) expect(await healthy.getOrSet(id, () => "next")).toBe("next");
      expect(await healthy.getMany(ids)).toEqual(ids.map(() => "next"));
    });
  });

  it("is remembered as given up in a list that is bounded", async () => {
    const { hit, keys, redis } = await setUp(
      (command, send) => {
        if (isClaim(command)) throw new TimeoutError(1);
        return send();
      },
      { breaker: { failures: 1_000 } },
    );
    for (let i = 0; i < 40; i += 1) await (await hit.resolve("k", () => i)).pending;
    const [key = ""] = await keys(":gone");
    expect(Number(await redis.send(["STRLEN", key]))).toBeLessThanOrEqual(750);
  });

  describe("of many keys", () => {
    it("is not sent where the read has failed", async () => {
      const sent: string[] = [];
      const { healthy } = await setUp((_, send) => send());
      const { hit } = await setUp((command, send) => {
        sent.push(command[0]);
        return sent.length === 1 ? Promise.reject(new TimeoutError(1)) : send();
      });
      const loads: (readonly string[])[] = [];
      const load = (ids: readonly string[]) => (loads.push(ids), new Map(ids.map((id) => [id, "v"])));
      expect(await getOrSetMany(hit, ["a", "b"], load)).toEqual(["v", "v"]);
      expect(sent).toHaveLength(1);
      expect(loads).toEqual([["a", "b"]]);
      expect(await healthy.getMany(["a", "b"])).toEqual([undefined, undefined]);
    });
  });

  describe("with an adapter of another copy of the package", () => {
    const failure = (code: string, sent: unknown) => Object.assign(new Error("down"), { code, sent });

    it.each([
      ["CONNECTION", "unknown", "script"],
      ["TIMEOUT", "unknown", "get"],
    ] as const)("knows by %s that Redis is down (sent: %s, readBy: %s)", async (code, sent, readBy) => {
      let [trips, down] = [0, false];
      const { hit } = await setUp(
        (_, send) => {
          trips += 1;
          return down ? Promise.reject(failure(code, sent)) : send();
        },
        { readBy, breaker: { cooldown: 600_000 } },
      );
      await hit.set("warm", 1);
      await hit.getOrSet("warm", () => 1);
      down = true;
      for (let i = 0; i < 4; i += 1) expect(await hit.getOrSet(`k${i}`, () => i)).toBe(i);
      await until(async () => {
        const before = trips;
        expect(await hit.getOrSet("l", () => "l")).toBe("l");
        return trips === before;
      });
    });

    it.each([
      [false, 0],
      [true, 1],
      ["unknown", 1],
    ])("gives a claim back that may have arrived (sent: %s)", async (sent, times) => {
      const commands: Command[] = [];
      const works: Promise<unknown>[] = [];
      const { hit } = await setUp((command, send) => {
        commands.push(command);
        return isClaim(command) ? Promise.reject(failure("CONNECTION", sent)) : send();
      });
      expect(await hit.getOrSet("k", () => 1, { waitUntil: (work) => void works.push(work) })).toBe(1);
      await Promise.all(works);
      expect(commands.filter((command) => !isClaim(command))).toHaveLength(times);
    });
  });

  describe("whose hooks fail", () => {
    const bad: [string, () => unknown][] = [
      [
        "throw",
        () => {
          throw new TypeError("Illegal invocation");
        },
      ],
      ["reject", () => Promise.reject(new TypeError("Illegal invocation"))],
      ["hang", () => new Promise(() => {})],
    ];

    it.each(bad)("serves stale values where `waitUntil` does: it may %s", async (how, fail) => {
      const { hit, events, keys, redis } = await setUp((_, send) => send(), { staleWhileRevalidate: 30_000 });
      await hit.setMany([
        ["k", "old"],
        ["l", "old"],
      ]);
      for (const id of ["k", "l"]) {
        const [key = ""] = await keys(`{${id}}`);
        await redis.send(["PEXPIRE", key, 25_000]);
      }
      const given = { waitUntil: fail };
      const { value, source, pending } = await hit.resolve("k", () => "new", given);
      expect([value, source]).toEqual(["old", "stale"]);
      await pending;
      expect(await hit.get("k")).toBe("new");
      expect(await getOrSetMany(hit, ["l"], () => new Map([["l", "new"]]), given)).toEqual(["old"]);
      await until(async () => (await hit.get("l")) === "new");
      const errors = events.filter(({ type }) => type === "error").map(({ error }) => String(error));
      expect(errors).toEqual(how === "hang" ? [] : [1, 2].map(() => "TypeError: Illegal invocation"));
    });

    it.each(bad)("answers as ever where `onEvent` and `onError` do: they may %s", async (_, fail) => {
      const hooks = { onEvent: fail, onError: fail };
      const { redis } = await setUp((_, send) => send());
      const cache = createCache(redis, { prefix: `${backend.prefix}:hooks`, ttl: 1_000, maxBytes: 10, ...hooks });
      expect(await cache.getOrSet("k", () => "x".repeat(20))).toHaveLength(20);
      await expect(cache.getOrSet("l", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
      // A rejection that nobody hears would fail this run.
      await sleep(5);
    });

    backend.it("tells of a value whose encoding hangs, after `timeout`", async () => {
      const overflow = { put: () => new Promise<string>(() => {}), get: async () => null };
      const { redis } = await setUp((_, send) => send());
      const errors: unknown[] = [];
      const cache = createCache(redis, {
        prefix: `${backend.prefix}:hang`,
        ttl: 1_000,
        maxBytes: 10,
        timeout: 1_000,
        overflow,
        onError: (error) => void errors.push(error),
      });
      expect(await cache.getOrSet("k", () => "x".repeat(20))).toHaveLength(20);
      expect(errors).toEqual([expect.objectContaining({ code: "HOOK_TIMEOUT" })]);
    });

    it("is answered where a loader asks for another key of the same cache", async () => {
      const { hit } = await setUp((_, send) => send());
      const inner: Load<unknown> = () => hit.getOrSet("inner", () => "v");
      expect(await hit.getOrSet("outer", inner)).toBe("v");
      expect(await hit.getMany(["outer", "inner"])).toEqual(["v", "v"]);
    });
  });
});
