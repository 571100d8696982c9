import { createBreaker } from "../breaker.ts";
import { callable, duration, port } from "../check.ts";
import { OptionError, ReplyError } from "../errors.ts";
import type { OnEvent } from "../event.ts";
import { keyPrefix } from "../keys.ts";
import type { Redis } from "../redis.ts";
import { type Answer, type Context, type Flights, keysOf, tell, trip } from "./context.ts";
import { encodeEntry, type Payload } from "./entry.ts";
import { getOrSet, lifetime, type Load } from "./get-or-set.ts";
import { entryIn, readMany } from "./read.ts";
import { put, remove } from "./write.lua.ts";

/** Options of a cache. Times are milliseconds. */
export interface CacheOptions {
  /** What every key of this cache begins with. */
  readonly prefix: string;
  /** How long a value is kept. */
  readonly ttl: number;
  /**
   * How long one command may take before the call goes on without Redis.
   * @default 500
   */
  readonly timeout?: number;
  /**
   * How long a loader may take. Then its signal aborts and the call rejects with a `LoadTimeoutError`.
   * @default 30_000
   */
  readonly hardTimeout?: number;
  /**
   * How long a call waits for another process to load the key before it loads for itself.
   * @default 5_000
   */
  readonly waitTimeout?: number;
  /**
   * The largest share of the TTL that is cut off at random, so that what was written together does not expire together.
   * @default 0.1
   */
  readonly jitter?: number;
  /** Told of each `hit`, `miss`, `load`, `load-error`, `refused` (a late write) and `error` (of Redis). */
  readonly onEvent?: OnEvent;
}

/** Options of one call. */
export interface GetOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of one `set`. */
export interface SetOptions extends GetOptions {
  /**
   * How long the value is kept, in milliseconds.
   * @default the cache's `ttl`
   */
  readonly ttl?: number | undefined;
}

/** Options of one `getOrSet`. */
export interface GetOrSetOptions extends SetOptions {
  /**
   * Within what callers of the same key share one load: an object that lives as long as they may wait for each other, such as the
   * `ctx` of a Worker's request. In a Worker a request must not wait for what another one started.
   * @default the process; in a Worker the call alone
   */
  readonly scope?: object | undefined;
}

/** A cache of values of type `T`. `null`, `0`, `""`, `false` and `undefined` are values. */
export interface Cache<T> {
  /**
   * The value of a key, loaded and kept if there is none. All callers of all processes share one load; a load that was overtaken by
   * `delete` or `set` is not kept. While Redis cannot be reached the value is loaded and not kept.
   * @throws What `load` throws.
   * @throws {LoadTimeoutError} The loader took longer than `hardTimeout`.
   * @throws {LoadFailedError} This call waited for the load of another process, which failed.
   */
  getOrSet(id: string, load: Load<T>, options?: GetOrSetOptions): Promise<T>;
  /** As `getOrSet`, and tells where the value came from. */
  resolve(id: string, load: Load<T>, options?: GetOrSetOptions): Promise<Answer<T>>;
  /** The value of a key, or `undefined` if there is none or Redis cannot be reached. */
  get(id: string, options?: GetOptions): Promise<T | undefined>;
  /** The values of several keys in one round trip, in their order. */
  getMany(ids: readonly string[], options?: GetOptions): Promise<(T | undefined)[]>;
  /**
   * Keeps a value. A load that runs meanwhile is not kept.
   * @throws {ConnectionError} Redis was not reached.
   */
  set(id: string, value: T, options?: SetOptions): Promise<void>;
  /**
   * Deletes a key. A load that runs meanwhile is not kept.
   * @returns Whether there was a value.
   * @throws {ConnectionError} Redis was not reached: the value may still be there.
   */
  delete(id: string, options?: GetOptions): Promise<boolean>;
}

/**
 * Creates a cache.
 * @example
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5) });
 * const user = await cache.getOrSet("42", ({ signal }) => db.user(42, signal));
 * await cache.delete("42");
 */
export function createCache<T = unknown>(redis: Redis, options: CacheOptions): Cache<T> {
  const x = createContext<T>(port(redis), options);
  const scopes = new WeakMap<object, Flights<T>>();
  const resolve = async (id: string, load: Load<T>, { signal, ttl = x.ttl, scope }: GetOrSetOptions = {}) => {
    signal?.throwIfAborted();
    keysOf(x, id);
    const flights = scope ? within(scopes, scope) : isolated() ? new Map() : x.flights;
    const job = { id, load: callable("load", load), ttl: duration("ttl", ttl), signal, flights };
    const { value, source, degraded } = await getOrSet(x, job);
    return { value, source, degraded };
  };
  return {
    resolve,
    getOrSet: async (id, load, options) => (await resolve(id, load, options)).value,
    get: async (id, options) => (await getMany(x, [id], options))[0],
    getMany: (ids, options) => getMany(x, ids, options),
    async set(id, value, { signal, ttl = x.ttl } = {}) {
      const raw = encodeEntry(x.encode(value), { extra: 0, delta: 0, tags: new Map() });
      const values = { ...keysOf(x, id), value: raw, ttl: lifetime(x, duration("ttl", ttl)) };
      await trip(x, signal, (options) => put(redis, values, options));
    },
    delete: async (id, { signal } = {}) => {
      const keys = keysOf(x, id);
      return trip(x, signal, (options) => remove(redis, keys, options));
    },
  };
}

function createContext<T>(redis: Redis, options: CacheOptions): Context<T> {
  const { timeout = 500, hardTimeout = 30_000, waitTimeout = 5_000, jitter = 0.1, onEvent } = options;
  if (!(jitter >= 0 && jitter < 1))
    throw new OptionError("`jitter` must be a share of the TTL: at least 0 and below 1");
  let turns = 0;
  return {
    redis,
    prefix: keyPrefix(options.prefix),
    ttl: duration("ttl", options.ttl),
    timeout: duration("timeout", timeout),
    hardTimeout: duration("hardTimeout", hardTimeout),
    waitTimeout: duration("waitTimeout", waitTimeout),
    jitter,
    onEvent: onEvent && callable("onEvent", onEvent),
    breaker: createBreaker(),
    flights: new Map(),
    expectsHit: false,
    turn: () => ++turns,
    encode: toPayload,
    decode({ kind, text }) {
      const parse = parsers[kind];
      return parse && { value: parse(text) };
    },
  };
}

function toPayload(value: unknown): Payload {
  if (value === undefined) return { kind: "u", text: "" };
  const text = serialized(value);
  if (typeof text === "string") return { kind: "j", text };
  throw new OptionError("`value` must be JSON: a function or a symbol is not");
}

function serialized(value: unknown): unknown {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new OptionError("`value` must be JSON: a BigInt or a cycle is not", { cause });
  }
}

const parsers: Readonly<Record<string, typeof JSON.parse>> = { j: JSON.parse, u: () => undefined };

async function getMany<T>(
  x: Context<T>,
  ids: readonly string[],
  { signal }: GetOptions = {},
): Promise<(T | undefined)[]> {
  signal?.throwIfAborted();
  const keys = ids.map((id) => keysOf(x, id).entry);
  if (!x.breaker.ready()) return ids.map(() => undefined);
  try {
    const raws = await trip(x, signal, (options) => readMany(x.redis, keys, options));
    return raws.map((raw) => entryIn(x, raw)?.value);
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof ReplyError && error.code === "SHAPE") throw error;
    tell(x, "error", ids[0] ?? "", { error });
    return ids.map(() => undefined);
  }
}

function within<T>(scopes: WeakMap<object, Flights<T>>, scope: object): Flights<T> {
  const present = scopes.get(scope);
  if (present) return present;
  const flights: Flights<T> = new Map();
  scopes.set(scope, flights);
  return flights;
}

/** Whether this runs where one request must not wait for another's I/O: workerd, and what is built like it. */
function isolated(): boolean {
  return "WebSocketPair" in globalThis || "EdgeRuntime" in globalThis;
}
