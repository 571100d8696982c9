import fc from "fast-check";
import { expect, it } from "vitest";
import { type Cache, type CacheOptions, createCache, getOrSetMany } from "../../src/core/patterns/cache/index.ts";
import { ConnectionError } from "../../src/core/errors.ts";
import type { Command, Redis } from "../../src/core/port/redis.ts";
import { text } from "../../src/core/port/reply.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { gate, intercepted } from "../fixtures/cache-tools.ts";
import { onEveryBackend } from "../support/backends.ts";
import { sized } from "../support/long.ts";

const keys = ["a", "b", "c"] as const;
type Key = (typeof keys)[number];
/** `a` and `b` share the tag `t`. */
const tagsOf = (key: Key) => (key === "c" ? [] : ["t"]);

/** What happens in one run: at most a dozen things at once, each on one of three instances. */
const step = fc.record({
  kind: fc.constantFrom("load", "load", "load", "many", "get", "getMany", "delete", "set", "invalidate", "fail"),
  key: fc.constantFrom(...keys),
  instance: fc.nat(2),
  /** How long the loader takes, in milliseconds. */
  loading: fc.nat(4),
  /** How long until the next step. */
  pause: fc.nat(2),
  /** What becomes of the next command of the instance. */
  fate: fc.constantFrom("sent", "sent", "sent", "sent", "lost before", "lost after"),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** What is waited for instead of a time, so that an order is forced: that a load has begun, that a write has ended, that all has. */
const [untilLoading, untilWritten, untilDone] = [-1, -2, -3];

/** What a broken cache must answer wrongly: a load is under way while its key is deleted, and another instance reads it afterwards. */
const lateWrite: Step[] = [
  { kind: "load", key: "c", instance: 0, loading: untilWritten, pause: untilLoading, fate: "sent" },
  { kind: "delete", key: "c", instance: 1, loading: 0, pause: untilDone, fate: "sent" },
  { kind: "get", key: "c", instance: 2, loading: 0, pause: 0, fate: "sent" },
];

/** The operations that the model knows. */
type Subject = Pick<Cache<number>, "getOrSet" | "get" | "getMany" | "delete" | "set" | "invalidateTags"> & {
  /** `getOrSetMany` of what has the tag. */
  many(load: (ids: readonly string[]) => Promise<ReadonlyMap<string, number>>): Promise<(number | undefined)[]>;
};

/** What has the tag. */
const tagged = ["a", "b"] as const;

function subject(cache: Cache<number>): Subject {
  return { ...cache, many: (load) => getOrSetMany(cache, tagged, load, { tags: ["t"] }) };
}

/**
 * Runs the steps against an origin whose values only grow, and reports each value that was older than the last invalidation of its key
 * that was acknowledged before the call began.
 */
async function violations(steps: readonly Step[], open: (redis: Redis) => Subject, ports: readonly Redis[]) {
  const origin = { a: 1, b: 1, c: 1 };
  const floor = { a: 0, b: 0, c: 0 };
  const found: string[] = [];
  const fates = ports.map((): Step["fate"][] => []);
  const caches = ports.map((port, i) => open(unreliable(port, fates[i] ?? [])));
  const check = (what: string, key: Key, least: number, value: number | undefined) => {
    if (value !== undefined && value < least) found.push(`${what} ${key}: ${value} < ${least}`);
  };
  let writing: Promise<unknown> = Promise.resolve();
  const [begun, written] = [gate(), gate()];
  const waitFor = async (time: number) => {
    if (time === untilLoading) await begun.opened;
    else if (time === untilWritten) await written.opened;
    else if (time === untilDone) await Promise.all(acts);
    else if (time > 0) await sleep(time);
  };
  // Writers take turns, as rows are locked in a database; readers do not.
  const write = (touched: readonly Key[], publish: () => Promise<unknown>) => {
    writing = writing.then(async () => {
      for (const key of touched) origin[key] += 1;
      const values = { ...origin };
      await publish();
      for (const key of touched) floor[key] = values[key];
    });
    writing = writing.catch(survive).finally(written.open);
    return writing;
  };
  const act = async ({ kind, key, instance, loading }: Step) => {
    const cache = caches[instance];
    const least = { ...floor };
    const load = async () => {
      const value = origin[key];
      begun.open();
      await waitFor(loading);
      if (kind === "fail") throw new Error("origin down");
      return value;
    };
    const tags = tagsOf(key);
    if (kind === "load" || kind === "fail") check(kind, key, least[key], await cache?.getOrSet(key, load, { tags }));
    if (kind === "many") {
      const loadMany = async (ids: readonly string[]) => {
        const values = new Map(Object.entries(origin).filter(([id]) => ids.includes(id)));
        await waitFor(loading);
        return values;
      };
      (await cache?.many(loadMany))?.forEach((value, i) =>
        check(kind, tagged[i] ?? "a", least[tagged[i] ?? "a"], value),
      );
    }
    if (kind === "get") check(kind, key, least[key], await cache?.get(key));
    if (kind === "getMany")
      (await cache?.getMany(keys))?.forEach((value, i) => check(kind, keys[i] ?? "a", least[keys[i] ?? "a"], value));
    if (kind === "delete") await write([key], async () => cache?.delete(key));
    if (kind === "set") await write([key], async () => cache?.set(key, origin[key], { tags }));
    if (kind === "invalidate") await write(["a", "b"], async () => cache?.invalidateTags(["t"]));
  };
  const acts: Promise<void>[] = [];
  for (const step of steps) {
    if (step.fate !== "sent") fates[step.instance]?.push(step.fate);
    acts.push(act(step).catch(survive));
    await waitFor(step.pause);
  }
  await Promise.all(acts);
  return found;
}

/** What was planned to fail may fail. */
function survive(error: unknown): void {
  const planned =
    error instanceof ConnectionError ||
    (error instanceof Error && /origin down|LOAD_FAILED|failed to/.test(error.message));
  if (!planned) throw error;
}

/** A port that loses commands, or their replies, as the fates say. */
function unreliable(port: Redis, fates: Step["fate"][]): Redis {
  return intercepted(port, async (_, send) => {
    const fate = fates.shift();
    if (fate === "lost before") throw new ConnectionError("lost", false);
    const reply = await send();
    if (fate === "lost after") throw new ConnectionError("lost", "unknown");
    return reply;
  });
}

onEveryBackend("the cache against its model", (backend) => {
  let serial = 0;
  const options = (): CacheOptions<number> => {
    serial += 1;
    return {
      prefix: `${backend.prefix}:m${serial}`,
      ttl: 60_000,
      timeout: 10_000,
      waitTimeout: 100,
      breaker: { cooldown: 5 },
    };
  };
  const property = (open: (redis: Redis, settings: CacheOptions<number>) => Subject, numRuns: number) =>
    fc.check(
      fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
        const settings = options();
        const ports = await connected();
        expect(await violations(steps, (redis) => open(redis, settings), ports)).toEqual([]);
      }),
      // A busy machine makes fewer runs.
      { numRuns, endOnFailure: true, examples: [[lateWrite]], interruptAfterTimeLimit: 8_000 },
    );
  let ports: Promise<readonly Redis[]> | undefined;
  const connected = () => (ports ??= Promise.all([1, 2, 3].map(() => backend.connect())));

  it.each(["get", "script"] as const)(
    "never serves what was invalidated before the call began (read by %s)",
    async (readBy) => {
      const { failed, counterexample, errorInstance } = await property(
        (redis, settings) => subject(createCache<number>(redis, { ...settings, readBy })),
        sized(15, 4),
      );
      expect(failed ? [JSON.stringify(counterexample), errorInstance] : []).toEqual([]);
    },
  );

  it("catches a cache whose late writes are not guarded", async () => {
    const { failed } = await property((redis, settings) => {
      const unguarded = async (command: Command, send: () => Promise<unknown>) => {
        const [name, , , , lease, token, , ttl] = command;
        // The write of a load has 9 parts: its lease is put back before it asks for it.
        if (name === "EVALSHA" && command.length === 9 && ttl !== undefined) {
          await redis.send(["SET", lease ?? "", token ?? "", "PX", 60_000]);
        }
        return send();
      };
      return subject(createCache<number>(intercepted(redis, unguarded), settings));
    }, 60);
    expect(failed).toBe(true);
  });

  it("catches a cache that reads, loads and writes", async () => {
    const { failed } = await property((redis, { prefix }) => naive(redis, prefix), 60);
    expect(failed).toBe(true);
  });
});

/** What most caches do. It has no tags: it deletes what has them. */
function naive(redis: Redis, prefix: string): Subject {
  const keyOf = (id: string) => `${prefix}:${id}`;
  const cache: Subject = {
    async get(id) {
      const found = await redis.send(["GET", keyOf(id)]).catch(() => null);
      return found === null ? undefined : Number(text(found));
    },
    async getOrSet(id, load) {
      const found = await cache.get(id);
      if (found !== undefined) return found;
      const { signal } = new AbortController();
      const value = await load({ signal, setTtl: () => {}, setTags: async () => {} });
      await cache.set(id, value).catch(() => {});
      return value;
    },
    getMany: (ids) => Promise.all(ids.map((id) => cache.get(id))),
    many: async (load) => {
      const values = await load(tagged);
      return Promise.all(tagged.map((id) => cache.getOrSet(id, () => values.get(id) ?? 0)));
    },
    set: async (id, value) => void (await redis.send(["SET", keyOf(id), value, "PX", 60_000])),
    delete: async (id) => (await redis.send(["DEL", keyOf(id)])) === 1,
    invalidateTags: async () => Number(await cache.delete("a")) + Number(await cache.delete("b")),
  };
  return cache;
}
