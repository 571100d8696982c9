import { checkFunction } from "../../../check.ts";
import type { Cache } from "../cache.ts";
import type { GetOrSetOptions } from "../options.ts";

/** Options of `memoize`. */
export interface MemoizeOptions<Args extends readonly unknown[]> extends Pick<GetOrSetOptions, "ttl"> {
  /** Makes the key of a call from the arguments that its result depends on; from several by `JSON.stringify([a, b])`. */
  readonly key: (...args: Args) => string;
  /**
   * Makes the tags of the result of a call.
   * @default none
   */
  readonly tags?: ((...args: Args) => readonly string[]) | undefined;
}

/**
 * Memoizes a function: its results are kept, each under the key of its arguments.
 * @throws {OptionError} `fn` or `key` is no function.
 * @example
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5) });
 * const user = memoize(cache, (id: string) => db.user(id), { key: (id) => id });
 * await user("42");
 */
export function memoize<T, Args extends readonly unknown[]>(
  cache: Pick<Cache<T>, "getOrSet">,
  fn: (...args: Args) => T | Promise<T>,
  { key, tags, ttl }: MemoizeOptions<Args>,
): (...args: Args) => Promise<T> {
  checkFunction("fn", fn);
  checkFunction("key", key);
  return async (...args) => cache.getOrSet(key(...args), () => fn(...args), { ttl, tags: tags?.(...args) });
}
