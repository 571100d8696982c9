import { checkDuration } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { namespaceOf } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { days, hours } from "../../time/duration.ts";
import { every } from "../../time/period.ts";
import { portFor } from "../../wait/ask-again.ts";
import { countInBucket } from "./count.ts";
import { pageSize } from "./format.ts";
import { readRange } from "./range.ts";
import type { SeriesContext } from "./series-context.ts";
import type { Series, SeriesOptions } from "./series-options.ts";

/** The most buckets that may be kept. */
const maxKept = 1_000_000;

/**
 * Creates counts over time: requests of each minute, sales of each day.
 * @throws {OptionError} An option can never work.
 * @example
 * const traffic = createSeries(redis, { prefix: "traffic", bucket: minutes(1), keep: { age: days(7) } });
 * await traffic.increment("api");
 * const points = await traffic.range("api", { last: hours(1) }); // 60 of { at, value }, oldest first
 */
export function createSeries(redis: Redis, options: SeriesOptions): Series {
  const port = portFor(redis, options);
  const { prefix, keep, requestTtl = hours(24) } = options;
  const bucket = checkBucket(options.bucket);
  const context: SeriesContext = {
    redis: port,
    namespace: namespaceOf("series", prefix),
    bucket,
    age: checkAge(keep, bucket),
    requestTtl: checkDuration("requestTtl", requestTtl),
    pages: every(bucket * pageSize),
  };
  return {
    increment: async (id, by = 1, call) => countInBucket(context, id, by, call),
    range: async (id, range) => readRange(context, id, range),
  };
}

function checkBucket(value: number): number {
  const bucket = checkDuration("bucket", value, 1_000);
  if (bucket <= days(366)) return bucket;
  throw new OptionError("`bucket` must be at most days(366)");
}

function checkAge(keep: SeriesOptions["keep"], bucket: number): number {
  if (typeof keep !== "object" || keep === null)
    throw new OptionError("`keep` must be an object, such as { age: days(7) }");
  const age = checkDuration("keep.age", keep.age);
  if (age < bucket)
    throw new OptionError(
      `\`keep.age\` must be at least one \`bucket\`, such as days(${Math.ceil(bucket / 86_400_000)})`,
    );
  if (age <= bucket * maxKept) return age;
  throw new OptionError(`\`keep.age\` must be at most ${maxKept} buckets; count in longer buckets`);
}
