import { checkDuration, checkFunction, checkOptions } from "../../../check.ts";
import type { Cache } from "../cache.ts";
import type { Load } from "../load/call.ts";

/** Options of `memoize`. */
export interface MemoizeOptions<Args extends readonly unknown[], T = unknown> {
  /** Makes the key of a call from the arguments that its result depends on; from several by `JSON.stringify([a, b])`. */
  readonly key: (...args: Args) => string;
  /**
   * Makes the tags of the result of a call.
   * @default none
   */
  readonly tags?: ((...args: Args) => readonly string[]) | undefined;
  /**
   * The time for which a result is fresh, in milliseconds; or a function that makes it from the result, where `undefined` stands for the
   * cache's `ttl`.
   * @default the cache's `ttl`
   */
  readonly ttl?: number | ((result: T) => number | undefined) | undefined;
}

/**
 * Memoizes a function: its results are kept, each under the key of its arguments.
 * @throws {OptionError} An argument or option can never work.
 * @example
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5) });
 * const user = memoize(cache, (id: string) => db.user(id), { key: (id) => id });
 * await user("42");
 */
export function memoize<T, Args extends readonly unknown[]>(
  cache: Pick<Cache<T>, "getOrSet">,
  fn: (...args: Args) => T | Promise<T>,
  options: MemoizeOptions<Args, T>,
): (...args: Args) => Promise<T> {
  const { key, tags, ttl } = checkOptions(options ?? null, "{ key: (id) => id }");
  checkFunction("fn", fn);
  checkFunction("key", key);
  if (tags !== undefined) checkFunction("tags", tags);
  const fixed = ttl === undefined || typeof ttl === "function" ? undefined : checkDuration("ttl", ttl);
  return async (...args) => {
    const load: Load<T> = async ({ setTtl }) => {
      const result = await fn(...args);
      const chosen = typeof ttl === "function" ? ttl(result) : undefined;
      if (chosen !== undefined) setTtl(chosen);
      return result;
    };
    return cache.getOrSet(key(...args), load, { ttl: fixed, tags: tags?.(...args) });
  };
}
