export { createCache } from "./cache.ts";
export type { Cache, CallOptions, GetOptions, GetOrSetOptions, Resolved, SetOptions } from "./cache.ts";
export type { Codec, CodecOptions, Compression, Overflow, SchemaResult, StandardSchema } from "./codec.ts";
export type { Answer, Source } from "./context.ts";
export { LoadFailedError, LoadTimeoutError, ValueTooLargeError } from "./errors.ts";
export type { Load } from "./job.ts";
export type { CacheOptions } from "./options.ts";
