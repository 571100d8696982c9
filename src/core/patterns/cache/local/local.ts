import { checkCount, checkDuration, checkFlag, checkMethods, checkOptions } from "../../../check.ts";
import type { Subscriber } from "../../../port/subscriber.ts";
import type { Cache } from "../cache.ts";
import { bindContext, type CacheContext, contextOf, type OnChange, report } from "../context.ts";
import { type Drop, type Coherence, coherenceByEpoch, coherenceBySubscriber, noCoherence } from "./coherence.ts";
import { type Held, hold } from "./held.ts";
import type { GetOrSetOptions } from "../options.ts";
import { createLru } from "./lru.ts";

/** Options of `withLocal`. */
export interface LocalOptions {
  /** The longest time for which a value is served from memory, in milliseconds: the bound of its staleness, whatever happens. */
  readonly maxStaleness: number;
  /**
   * The largest number of values in memory.
   * @default 1_000
   */
  readonly maxEntries?: number | undefined;
  /**
   * The largest size of the values in memory, in bytes, as estimated.
   * @default 10_000_000
   */
  readonly maxBytes?: number | undefined;
  /**
   * Hears of what other processes delete, set and invalidate, so that an old value is usually not served for longer than a message takes.
   * All processes with this cache must use `withLocal` and a subscriber. Where there is none, as over HTTP, see `epoch`.
   * @default none
   */
  readonly subscriber?: Subscriber | undefined;
  /**
   * Lets each read that goes to Redis also ask, in the same round trip, if other processes have changed something; if so, all values in
   * memory are dropped. It costs one more command in such a read and one in each change. All processes with this cache must do the same.
   * @default true where the adapter is `distant` and there is no `subscriber`
   */
  readonly epoch?: boolean | undefined;
}

/** A cache with a tier in the memory of this process. */
export interface LocalCache<T> extends Cache<T> {
  /** Ends the subscription and drops all values in memory. */
  close(): Promise<void>;
}

/**
 * Puts a tier in memory before a cache: `getOrSet` and `resolve` serve a value that was read from Redis from memory for `maxStaleness`.
 * Values are frozen, since all callers share them; each caller gets a copy of its own of what cannot be frozen and a `codec` carries. Where
 * there is no codec for it, as for a date that a `schema` made, it is read from Redis each time. `get`, `peek`, `getMany` and `getOrSetMany` go to Redis; so do writes.
 * @throws {OptionError} An option can never work, such as a staleness without bound.
 * @example
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5) });
 * const local = withLocal(cache, { maxStaleness: seconds(5), subscriber: ioredisSubscriber(client.duplicate()) });
 * const user = await local.getOrSet("42", ({ signal }) => db.user(42, signal));
 */
export function withLocal<T>(cache: Cache<T>, options: LocalOptions): LocalCache<T> {
  const context = contextOf(cache);
  const { maxStaleness, maxEntries = 1_000, maxBytes = 10_000_000 } = checkOptions(options ?? null);
  const lru = createLru<T>({
    maxStaleness: checkDuration("maxStaleness", maxStaleness),
    maxEntries: checkCount("maxEntries", maxEntries),
    maxBytes: checkCount("maxBytes", maxBytes),
  });
  const drop: Drop = (ids) => (ids ? ids.forEach(lru.delete) : lru.clear());
  const coherence = coherenceFor(context, options, drop);
  const onChange = createOnChange(drop, coherence);
  const getLocal = (id: string) => {
    const held = coherence.listens() ? open(lru.get(id)) : undefined;
    if (held && context.onEvent) report(context, "local-hit", id);
    return held;
  };
  const resolve: Cache<T>["resolve"] = async (id, load, options) => {
    const held = isUsual(load, options) ? getLocal(id) : undefined;
    if (held) return { value: held.value, source: "hit", degraded: false };
    const { version } = lru;
    const [answer, current] = await Promise.all([cache.resolve(id, load, options), coherence.check()]);
    // A value that was dropped meanwhile may be this one. A loaded value is held once it has been read.
    const fit = answer.source === "hit" && current ? hold(answer.value, context.copier) : undefined;
    if (fit) lru.set(id, fit, version);
    return answer;
  };
  const local: LocalCache<T> = {
    ...cache,
    ...announceWrites(cache, onChange),
    resolve,
    getOrSet(id, load, options) {
      const held = isUsual(load, options) ? getLocal(id) : undefined;
      return held ? Promise.resolve(held.value) : resolve(id, load, options).then(({ value }) => value);
    },
    async close() {
      await coherence.close();
      lru.clear();
    },
  };
  return bindContext(local, { ...context, onChange });
}

/** The value in a box; nothing where its codec fails, so that Redis is asked. */
function open<T>(held: Held<T> | undefined): { readonly value: T } | undefined {
  try {
    return held && { value: held.open() };
  } catch {
    return undefined;
  }
}

/** Whether the arguments need no look at by the cache, which refuses wrong ones. */
function isUsual(load: unknown, options: GetOrSetOptions | undefined): boolean {
  if (typeof load !== "function" || options === undefined) return typeof load === "function";
  return Object(options) === options && typeof options === "object" && (options.ttl === undefined || options.ttl >= 1);
}

type Writes = "set" | "setMany" | "delete" | "deleteMany" | "invalidateTags" | "clear";

/** The writes of a cache, each of which drops what it changes, here and elsewhere. */
function announceWrites<T>(cache: Cache<T>, onChange: OnChange): Pick<Cache<T>, Writes> {
  return {
    set: (id, value, options) => onChange([id], () => cache.set(id, value, options)),
    setMany(entries, options) {
      const all = [...entries];
      return onChange(idsOf(all), () => cache.setMany(all, options));
    },
    delete: (id, options) => onChange([id], () => cache.delete(id, options)),
    deleteMany: (ids, options) => onChange(ids, () => cache.deleteMany(ids, options)),
    invalidateTags: (tags, options) => onChange(undefined, () => cache.invalidateTags(tags, options)),
    clear: (options) => onChange(undefined, () => cache.clear(options)),
  };
}

function idsOf(entries: readonly (readonly [string, unknown])[]): string[] {
  return entries.map(([id]) => id);
}

function coherenceFor(context: CacheContext, { maxStaleness, subscriber, epoch }: LocalOptions, drop: Drop): Coherence {
  checkMethods("subscriber", subscriber, "a subscriber such as ioredisSubscriber(client)", "subscribe");
  if (subscriber) return coherenceBySubscriber(context, subscriber, drop);
  return (epoch === undefined ? context.redis.distant : checkFlag("epoch", epoch))
    ? coherenceByEpoch(context, maxStaleness, drop)
    : noCoherence;
}

/** Creates what makes a change: it drops the values before and after, whether or not the change is known to have succeeded. */
function createOnChange(drop: Drop, coherence: Coherence): OnChange {
  return async (ids, change) => {
    drop(ids);
    try {
      return await change();
    } finally {
      drop(ids);
      await coherence.announce(ids);
    }
  };
}
