import { checkCount, checkDuration, checkMethods } from "../../check.ts";
import { createInternals, insideOf } from "../../internals.ts";
import { namespaceOf } from "../../keys.ts";
import { checkLifetime } from "../../time/lifetime.ts";
import type { Redis } from "../../port/redis.ts";
import type { StandardSchema } from "../../data/schema.ts";
import { hours } from "../../time/duration.ts";
import { portFor } from "../../wait/ask-again.ts";
import type { RecordOptions } from "./options.ts";

/** The checked options that all calls of one `createRecords` share. */
export interface RecordContext {
  readonly redis: Redis;
  /** The first part of every key: `record:prefix`. */
  readonly namespace: string;
  /** In milliseconds, and 0 for ever. */
  readonly ttl: number;
  readonly schema: StandardSchema<unknown> | undefined;
  readonly maxBytes: number;
  readonly requestTtl: number;
}

export function createContext(redis: Redis, options: RecordOptions): RecordContext {
  const port = portFor(redis, options);
  const { prefix, ttl, schema, maxBytes = 100_000, requestTtl = hours(24) } = options;
  const remedy = "a Standard Schema, such as one of zod 3.24, valibot 1 or arktype 2";
  if (schema !== undefined) checkMethods("schema", Object(schema)["~standard"] ?? null, remedy, "validate");
  return {
    redis: port,
    namespace: namespaceOf("record", prefix),
    ttl: checkLifetime("ttl", ttl),
    schema,
    maxBytes: checkCount("maxBytes", maxBytes),
    requestTtl: checkDuration("requestTtl", requestTtl),
  };
}

/** By what functions outside the factory know its context. */
export const records = /* @__PURE__ */ createInternals<RecordContext>("records");

/** @throws {OptionError} It was not made by `createRecords`. */
export function contextOf(made: object): RecordContext {
  return insideOf(records, made, "`records` must be what createRecords has returned");
}
