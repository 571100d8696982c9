import { count, duration } from "../check.ts";
import type { Subscriber, Unsubscribe } from "../subscriber.ts";
import type { Cache } from "./cache.ts";
import { contextOf, type Shared, tell, trip } from "./context.ts";
import { createShelf } from "./shelf.ts";

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
   * processes with this cache must use `withLocal` and a subscriber. Without it, as over HTTP, `maxStaleness` alone is the bound.
   */
  readonly subscriber?: Subscriber | undefined;
}

/** A cache with a tier in the memory of this process. */
export interface LocalCache<T> extends Cache<T> {
  /** Ends the subscription and forgets what is in memory. */
  close(): Promise<void>;
}

/**
 * Puts a tier in memory before a cache: what was read from Redis is served from memory for `maxStaleness`, without a promise of its own
 * work. Values are frozen, since all callers share them. `get`, `peek` and `getMany` go to Redis; so do writes. `update` and
 * `invalidatePrefix` do not reach the memory of others: what they change may be served for `maxStaleness`.
 * @throws {OptionError} The staleness is not bounded.
 * @example
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5) });
 * const local = withLocal(cache, { maxStaleness: seconds(5), subscriber: ioredisSubscriber(client.duplicate()) });
 * const user = await local.getOrSet("42", ({ signal }) => db.user(42, signal));
 */
export function withLocal<T>(cache: Cache<T>, options: LocalOptions): LocalCache<T> {
  const { maxStaleness, maxEntries = 1_000, maxBytes = 10_000_000 } = options;
  const shelf = createShelf<T>({
    maxStaleness: duration("maxStaleness", maxStaleness),
    maxEntries: count("maxEntries", maxEntries),
    maxBytes: count("maxBytes", maxBytes),
  });
  const wire = createWire(cache, options.subscriber, (ids) => (ids ? ids.forEach(shelf.drop) : shelf.clear()));
  const resolve: Cache<T>["resolve"] = async (id, load, given) => {
    const held = wire.listens() ? shelf.take(id) : undefined;
    if (held) return { value: held.value, source: "hit", degraded: false };
    const { fence } = shelf;
    const answer = await cache.resolve(id, load, given);
    // What was dropped meanwhile may be what was read; what is loaded is kept once it has been read.
    if (answer.source === "hit" && wire.listens()) shelf.put(id, answer.value, fence);
    return answer;
  };
  return {
    ...cache,
    resolve,
    getOrSet(id, load, given) {
      const held = wire.listens() ? shelf.take(id) : undefined;
      return held ? Promise.resolve(held.value) : resolve(id, load, given).then(({ value }) => value);
    },
    set: (id, value, given) => wire.changing([id], () => cache.set(id, value, given)),
    setMany(entries, given) {
      const all = [...entries];
      return wire.changing(ids(all), () => cache.setMany(all, given));
    },
    delete: (id, given) => wire.changing([id], () => cache.delete(id, given)),
    deleteMany: (ids, given) => wire.changing(ids, () => cache.deleteMany(ids, given)),
    invalidateTags: (tags, given) => wire.changing(undefined, () => cache.invalidateTags(tags, given)),
    clear: (given) => wire.changing(undefined, () => cache.clear(given)),
    async close() {
      await wire.close();
      shelf.clear();
    },
  };
}

function ids(entries: readonly (readonly [string, unknown])[]): string[] {
  return entries.map(([id]) => id);
}

/** Forgets some ids, or without any everything. */
type Drop = (ids: readonly string[] | undefined) => void;

/** Tells other processes what changes, and hears it from them. */
function createWire<T>(cache: Cache<T>, subscriber: Subscriber | undefined, drop: Drop) {
  const x = contextOf(cache);
  const channel = `${x.prefix}:local`;
  const ear = subscriber && createEar(x, channel, subscriber, drop);
  const publish = async (ids: readonly string[] | undefined) => {
    try {
      await trip(x, undefined, (options) => x.redis.send(["PUBLISH", channel, JSON.stringify(ids ?? null)], options));
    } catch (error) {
      // They serve the old value for `maxStaleness` at most.
      tell(x, "error", "", { error });
    }
  };
  return {
    /** Whether memory may be used: not before others can say what changes. */
    listens: (): boolean => ear === undefined || ear.listens(),
    /** Makes a change, and forgets what it was, here and elsewhere, whether or not it is known to have succeeded. */
    async changing<R>(ids: readonly string[] | undefined, change: () => Promise<R>): Promise<R> {
      drop(ids);
      try {
        return await change();
      } finally {
        drop(ids);
        if (ear) await publish(ids);
      }
    },
    close: async () => ear?.close(),
  };
}

/** How long after a failed subscription it is tried again, in milliseconds. */
const pause = 1_000;

/** Subscribes at the first use, since a factory does no I/O. */
function createEar(x: Shared, channel: string, subscriber: Subscriber, drop: Drop) {
  let joined: Promise<Unsubscribe | undefined> | undefined;
  let listening = false;
  let retryAt = 0;
  const join = async () => {
    const forget = () => drop(undefined);
    try {
      const leave = await subscriber.subscribe(channel, (message) => drop(idsIn(message)), { onReconnect: forget });
      listening = true;
      return leave;
    } catch (error) {
      retryAt = performance.now() + pause;
      joined = undefined;
      tell(x, "error", "", { error });
      return undefined;
    }
  };
  return {
    listens() {
      if (!listening && !joined && performance.now() >= retryAt) joined = join();
      return listening;
    },
    async close() {
      const leave = await joined;
      listening = false;
      // It is not to begin again.
      retryAt = Infinity;
      joined = undefined;
      await leave?.();
    },
  };
}

function idsIn(message: string): readonly string[] | undefined {
  const ids: unknown = JSON.parse(message);
  return Array.isArray(ids) ? ids.map(String) : undefined;
}
