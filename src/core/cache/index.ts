export { createCache } from "./cache.ts";
export type { Cache, CacheOptions, GetOptions, GetOrSetOptions, SetOptions } from "./cache.ts";
export type { Answer, Source } from "./context.ts";
export { LoadFailedError, LoadTimeoutError } from "./errors.ts";
export type { Load } from "./get-or-set.ts";
