import { describe, expect, it } from "vitest";
import { type Cache, type CacheOptions, createCache } from "../../src/core/patterns/cache/index.ts";
import type { PatternEvent } from "../../src/core/event.ts";
import type { Command, Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { counted, gate, heldLoad, intercepted, until } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";
import { stopwatch } from "../support/stopwatch.ts";

onEveryBackend("the cache's lease", (backend) => {
  let serial = 0;
  const options = (more: Partial<CacheOptions<string>> = {}): CacheOptions<string> => {
    serial += 1;
    return { prefix: `${backend.prefix}:l${serial}`, ttl: 60_000, timeout: 10_000, ...more };
  };

  backend.it(
    "makes 10 instances with 20 callers each load a cold key once, and answers all at their next question",
    async () => {
      const settings = options();
      const ports = await Promise.all(Array.from({ length: 10 }, async () => counted(await backend.connect())));
      const caches = ports.map(({ port }) => createCache<string>(port, settings));
      let loads = 0;
      const { load, started, finish } = heldLoad<string>();
      const loading = () => {
        loads += 1;
        return load();
      };
      const elapsed = stopwatch();
      // Calls of one request share a load in a Worker, too.
      const scope = {};
      const calls = caches.flatMap((cache) =>
        Array.from({ length: 20 }, () => cache.getOrSet("k", loading, { scope })),
      );
      await started;
      // Nine ask again and again, each for all of its callers, after 25 to 250 ms.
      await until(() => ports.filter(({ trips }) => trips.length >= 5).length >= 9);
      expect(elapsed()).toBeLessThan(3_000);
      finish("loaded");
      await Promise.race(calls);
      const before = ports.map(({ trips }) => trips.length);
      expect(await Promise.all(calls)).toEqual(calls.map(() => "loaded"));
      expect(loads).toBe(1);
      for (const [i, { trips }] of ports.entries()) expect(trips.length - (before[i] ?? 0)).toBeLessThanOrEqual(1);
    },
  );

  describe("an invalidation at each step of a load", () => {
    const invalidations: [string, (cache: Cache<string>) => Promise<unknown>][] = [
      ["delete", (cache) => cache.delete("k")],
      ["deleteMany", (cache) => cache.deleteMany(["k", "other"])],
      ["invalidateTags", (cache) => cache.invalidateTags(["t"])],
      ["set", (cache) => cache.set("k", "new", { tags: ["t"] })],
    ];
    const steps = [
      "before the read",
      "after the read",
      "during the load",
      "before the write",
      "after the write",
    ] as const;

    /**
     * Runs one load of the old value, with the invalidation at the step, and reports what a call that began after it was answered.
     * The step is counted in the commands of the loader's own port.
     */
    const race = async (
      redis: Redis,
      settings: CacheOptions<string>,
      step: (typeof steps)[number],
      invalidate: (cache: Cache<string>) => Promise<unknown>,
      beforeWrite: (command: Command) => Promise<unknown> = async () => {},
    ) => {
      const other = createCache<string>(await backend.connect(), settings);
      let origin = "old";
      let invalidated = false;
      const strike = async () => {
        if (invalidated) return;
        invalidated = true;
        origin = "new";
        await invalidate(other);
      };
      let writing = false;
      const port = intercepted(redis, async (command, send) => {
        if (step === "before the read" || (writing && step === "before the write")) await strike();
        if (writing) await beforeWrite(command);
        const reply = await send();
        if (step === "after the read" || (writing && step === "after the write")) await strike();
        return reply;
      });
      const cache = createCache<string>(port, settings);
      await cache.getOrSet(
        "k",
        async () => {
          const read = origin;
          if (step === "during the load") await strike();
          writing = true;
          return read;
        },
        { tags: ["t"] },
      );
      await strike();
      const load = () => origin;
      return [
        await cache.getOrSet("k", load, { tags: ["t"] }),
        await other.getOrSet("k", load, { tags: ["t"] }),
        (await other.get("k")) ?? "new",
      ];
    };

    for (const [name, invalidate] of invalidations) {
      it.each(steps)(`lets ${name} %s win over the late write`, async (step) => {
        for (const readBy of ["get", "script"] as const) {
          const answers = await race(await backend.connect(), options({ readBy }), step, invalidate);
          expect(answers).toEqual(["new", "new", "new"]);
        }
      });
    }

    it("would be noticed here if the write did not ask for its lease", async () => {
      const redis = await backend.connect();
      // A broken cache: its lease is put back before it writes.
      const unguarded = async ([, , keys = 0, , lease = "", token = ""]: Command) =>
        Number(keys) > 1 ? redis.send(["SET", lease, token, "PX", 60_000]) : null;
      const remove = (cache: Cache<string>) => cache.delete("k");
      const settings = options({ clearable: false });
      const answers = await race(redis, settings, "during the load", remove, unguarded);
      expect(answers).toEqual(["old", "old", "old"]);
    });
  });

  it("makes the callers that joined an overtaken load load again", async () => {
    const events: PatternEvent[] = [];
    const settings = options({ onEvent: (event) => events.push(event) });
    const cache = createCache<string>(await backend.connect(), settings);
    const other = createCache<string>(await backend.connect(), settings);
    const [started, finish] = [gate(), gate<string>()];
    const first = cache.getOrSet("k", () => {
      started.open();
      return finish.opened;
    });
    await started.opened;
    await other.delete("k");
    let loads = 0;
    const joined = Array.from({ length: 10 }, () =>
      cache.getOrSet("k", () => {
        loads += 1;
        return "new";
      }),
    );
    await sleep(40);
    finish.open("old");
    expect(await first).toBe("old");
    expect(await Promise.all(joined)).toEqual(joined.map(() => "new"));
    expect(loads).toBe(1);
  });

  it("makes callers that joined before an invalidation of a tag load again", async () => {
    const settings = options();
    const cache = createCache<string>(await backend.connect(), settings);
    const other = createCache<string>(await backend.connect(), settings);
    const [started, finish] = [gate(), gate<string>()];
    const load = () => {
      started.open();
      return finish.opened;
    };
    const first = cache.getOrSet("k", load, { tags: ["t"] });
    await started.opened;
    expect(await other.invalidateTags(["t"])).toBe(1);
    const joined = cache.getOrSet("k", () => "new", { tags: ["t"] });
    await sleep(40);
    finish.open("old");
    expect(await first).toBe("old");
    expect(await joined).toBe("new");
  });

  it("reports a late write that was refused", async () => {
    const events: PatternEvent[] = [];
    const cache = createCache<string>(await backend.connect(), options({ onEvent: (event) => events.push(event) }));
    await cache.getOrSet("k", async () => {
      await cache.delete("k");
      return "old";
    });
    expect(events.map(({ type }) => type)).toEqual(["miss", "load", "refused"]);
  });

  it("gives the lease back when the load fails, so that nobody waits for it", async () => {
    const settings = options();
    const cache = createCache<string>(await backend.connect(), settings);
    const other = createCache<string>(await backend.connect(), settings);
    await expect(cache.getOrSet("k", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    expect(await other.getOrSet("k", () => "yes")).toBe("yes");
    // Who has waited for a lease in vain loads without one, and keeps nothing.
    expect(await other.get("k")).toBe("yes");
  });

  it("aborts the loader after `hardTimeout`, and lets the next caller load", async () => {
    const cache = createCache<string>(await backend.connect(), options({ hardTimeout: 50 }));
    const signals: AbortSignal[] = [];
    const slow = ({ signal }: { signal: AbortSignal }) => {
      signals.push(signal);
      return new Promise<string>(() => {});
    };
    await expect(cache.getOrSet("k", slow)).rejects.toMatchObject({ name: "LoadTimeoutError", timeout: 50 });
    expect(signals[0]?.aborted).toBe(true);
    expect(await cache.getOrSet("k", () => "fast")).toBe("fast");
  });

  it("reads and claims in one command where the script goes first", async () => {
    const { port, trips } = counted(await backend.connect());
    const cache = createCache<string>(port, options({ readBy: "script" }));
    await cache.getOrSet("warm", () => "v");
    for (const expected of [["EVALSHA", "EVALSHA"], ["EVALSHA"], ["EVALSHA"]]) {
      trips.length = 0;
      await cache.getOrSet("k", () => "v");
      expect(trips).toEqual(expected);
    }
    const calls = Array.from({ length: 20 }, () => cache.getOrSet("k", () => "v"));
    trips.length = 0;
    await Promise.all(calls);
    expect(trips.length).toBeLessThanOrEqual(20);
  });
});
