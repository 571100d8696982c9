import { checkCount, checkDuration } from "../../../check.ts";
import type { Subscriber } from "../../../port/subscriber.ts";
import type { Cache } from "../cache.ts";
import { bindContext, type Changing, contextOf, type Shared, tell } from "../context.ts";
import { type Drop, type News, newsByEpoch, newsBySubscriber, noNews } from "./coherence.ts";
import { createShelf } from "./lru.ts";

/** Options of `withLocal`. */
export interface LocalOptions {
  /** How long a value is served from memory at most, in milliseconds: the bound of its staleness, whatever happens. */
  readonly maxStaleness: number;
  /**
   * How many values are held.
   * @default 1_000
   */
  readonly maxEntries?: number | undefined;
  /**
   * How many bytes the values take, estimated.
   * @default 10_000_000
   */
  readonly maxBytes?: number | undefined;
  /**
   * Learns of what other processes delete, set and invalidate, so that it is usually not served for longer than a message takes. All
   * processes with this cache must use `withLocal` and a subscriber. Without it, as over HTTP, see `epoch`.
   */
  readonly subscriber?: Subscriber | undefined;
  /**
   * Whether each read that goes to Redis also asks whether others have changed something, in the same round trip, and then forgets
   * everything. It costs one more command in such a read and one in each change. All processes with this cache must do the same.
   * @default true where the adapter is `distant` and there is no `subscriber`
   */
  readonly epoch?: boolean | undefined;
}

/** A cache with a tier in the memory of this process. */
export interface LocalCache<T> extends Cache<T> {
  /** Ends the subscription and forgets what is in memory. */
  close(): Promise<void>;
}

/**
 * Puts a tier in memory before a cache: what was read from Redis is served from memory for `maxStaleness`, without a promise of its own
 * work. Values are frozen, since all callers share them. `get`, `peek`, `getMany` and `getOrSetMany` go to Redis; so do writes.
 * @throws {OptionError} The staleness is not bounded.
 * @example
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5) });
 * const local = withLocal(cache, { maxStaleness: seconds(5), subscriber: ioredisSubscriber(client.duplicate()) });
 * const user = await local.getOrSet("42", ({ signal }) => db.user(42, signal));
 */
export function withLocal<T>(cache: Cache<T>, options: LocalOptions): LocalCache<T> {
  const x = contextOf(cache);
  const { maxStaleness, maxEntries = 1_000, maxBytes = 10_000_000 } = options;
  const shelf = createShelf<T>({
    maxStaleness: checkDuration("maxStaleness", maxStaleness),
    maxEntries: checkCount("maxEntries", maxEntries),
    maxBytes: checkCount("maxBytes", maxBytes),
  });
  const drop: Drop = (ids) => (ids ? ids.forEach(shelf.drop) : shelf.clear());
  const news = newsFor(x, options, drop);
  const changing = changes(drop, news);
  const take = (id: string) => {
    const held = news.listens() ? shelf.take(id) : undefined;
    if (held && x.onEvent) tell(x, "local-hit", id);
    return held;
  };
  const resolve: Cache<T>["resolve"] = async (id, load, given) => {
    const held = take(id);
    if (held) return { value: held.value, source: "hit", degraded: false };
    const { fence } = shelf;
    const [answer, current] = await Promise.all([cache.resolve(id, load, given), news.ask()]);
    // What was dropped meanwhile may be what was read; what is loaded is kept once it has been read.
    if (answer.source === "hit" && current) shelf.put(id, answer.value, fence);
    return answer;
  };
  const local: LocalCache<T> = {
    ...cache,
    ...writes(cache, changing),
    resolve,
    getOrSet(id, load, given) {
      const held = take(id);
      return held ? Promise.resolve(held.value) : resolve(id, load, given).then(({ value }) => value);
    },
    async close() {
      await news.close();
      shelf.clear();
    },
  };
  return bindContext(local, { ...x, changing });
}

type Writes = "set" | "setMany" | "delete" | "deleteMany" | "invalidateTags" | "clear";

/** The writes of a cache, each as a change. */
function writes<T>(cache: Cache<T>, changing: Changing): Pick<Cache<T>, Writes> {
  return {
    set: (id, value, given) => changing([id], () => cache.set(id, value, given)),
    setMany(entries, given) {
      const all = [...entries];
      return changing(ids(all), () => cache.setMany(all, given));
    },
    delete: (id, given) => changing([id], () => cache.delete(id, given)),
    deleteMany: (ids, given) => changing(ids, () => cache.deleteMany(ids, given)),
    invalidateTags: (tags, given) => changing(undefined, () => cache.invalidateTags(tags, given)),
    clear: (given) => changing(undefined, () => cache.clear(given)),
  };
}

function ids(entries: readonly (readonly [string, unknown])[]): string[] {
  return entries.map(([id]) => id);
}

function newsFor(x: Shared, { maxStaleness, subscriber, epoch }: LocalOptions, drop: Drop): News {
  if (subscriber) return newsBySubscriber(x, subscriber, drop);
  return (epoch ?? x.redis.distant) ? newsByEpoch(x, maxStaleness, drop) : noNews;
}

/** Makes a change, and forgets what it was, here and elsewhere, whether or not it is known to have succeeded. */
function changes(drop: Drop, news: News): Changing {
  return async (ids, change) => {
    drop(ids);
    try {
      return await change();
    } finally {
      drop(ids);
      await news.tell(ids);
    }
  };
}
