import { checkFunction } from "../../../check.ts";
import type { Cache } from "../cache.ts";
import type { GetOrSetOptions } from "../options.ts";

/** Options of `wrap`. */
export interface WrapOptions<Args extends readonly unknown[]> extends Pick<GetOrSetOptions, "ttl"> {
  /** The key of a call, from the arguments that its result depends on. Of several, `JSON.stringify([a, b])` makes one. */
  readonly key: (...args: Args) => string;
  /** The tags of a call's result. */
  readonly tags?: ((...args: Args) => readonly string[]) | undefined;
}

/**
 * Memoises a function: its result is kept under the key of its arguments.
 * @example
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5) });
 * const user = wrap(cache, (id: string) => db.user(id), { key: (id) => id });
 * await user("42");
 */
export function wrap<T, Args extends readonly unknown[]>(
  cache: Pick<Cache<T>, "getOrSet">,
  fn: (...args: Args) => T | Promise<T>,
  { key, tags, ttl }: WrapOptions<Args>,
): (...args: Args) => Promise<T> {
  checkFunction("fn", fn);
  checkFunction("key", key);
  return async (...args) => cache.getOrSet(key(...args), () => fn(...args), { ttl, tags: tags?.(...args) });
}
