import { checkDuration } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { bindInside } from "../../internals.ts";
import { namespaceOf } from "../../keys.ts";
import { checkLifetime } from "../../time/lifetime.ts";
import type { Redis } from "../../port/redis.ts";
import { type ChangeOptions, checkChange, rememberRequest } from "../../request.ts";
import { askAroundServerTime } from "../../script/server-time.ts";
import { hours } from "../../time/duration.ts";
import { every } from "../../time/period.ts";
import { portFor } from "../../wait/ask-again.ts";
import { addItems } from "./add.ts";
import { type FilterContext, filterInternals, locate, scopeOf } from "./context.ts";
import { checkItem, checkSecret } from "./hash.ts";
import type { BloomFilter, BloomFilterOptions } from "./options.ts";
import { testItems } from "./read.ts";
import { clearScript } from "./scripts/clear.lua.ts";
import { checkSize } from "./size.ts";

/**
 * Creates Bloom filters: they remember which items they were given in about ten bits an item, and are sometimes wrong about one they were
 * not given.
 * @throws {OptionError} An option can never work.
 * @example
 * const seen = createBloomFilter(redis, { prefix: "seen", capacity: 1_000_000, errorRate: 0.01, ttl: days(7) });
 * const { added } = await seen.add("urls", "https://example.org");
 * const known = await seen.mightContain("urls", "https://example.com");
 */
export function createBloomFilter(redis: Redis, options: BloomFilterOptions): BloomFilter {
  const port = portFor(redis, options);
  const { prefix, capacity = 1_000_000, errorRate = 0.01, ttl, window, secret, requestTtl = hours(24) } = options;
  const context: FilterContext = {
    redis: port,
    namespace: namespaceOf("bloom", prefix),
    size: checkSize(capacity, errorRate, window !== undefined),
    secret: checkSecret(secret),
    ...checkMemory(ttl, window),
    requestTtl: checkDuration("requestTtl", requestTtl),
  };
  const filter: BloomFilter = {
    async add(id, item, call) {
      checkItem(item);
      const [added = false] = await addItems(context, "add", id, [item], checkChange(call));
      return { added };
    },
    async mightContain(id, item, call) {
      checkItem(item);
      const [isKnown = false] = await testItems(context, id, [item], checkChange(call, "{ signal }"));
      return isKnown;
    },
    async clear(id, call) {
      await clearFilter(context, id, checkChange(call));
    },
  };
  return bindInside(filterInternals, filter, context);
}

/** Generations around it have numbers that are exact, and so has the end of their life. */
const longestWindow = 1e14;

/** Checks for how long items are remembered: until the filter is used no more, or by generations. */
function checkMemory(
  ttl: BloomFilterOptions["ttl"],
  window: BloomFilterOptions["window"],
): Pick<FilterContext, "ttl" | "generations"> {
  if (window === undefined) {
    if (ttl === undefined) throw new OptionError("`ttl` or `window` must say when items are forgotten");
    return { ttl: checkLifetime("ttl", ttl), generations: undefined };
  }
  if (ttl !== undefined) throw new OptionError("`ttl` and `window` exclude each other; leave one of them out");
  // An item of a generation's last moment is remembered until the end of the next one.
  const length = checkDuration("window", window);
  if (length > longestWindow) throw new OptionError('`window` is longer than 3,000 years; use `ttl: "permanent"`');
  return { ttl: length, generations: every(length) };
}

async function clearFilter(context: FilterContext, id: string, options: ChangeOptions = {}): Promise<void> {
  const { redis, namespace, requestTtl } = context;
  const remembered = rememberRequest(namespace, id, `clear${scopeOf(context)}`, options, requestTtl);
  await askAroundServerTime((now) => {
    const { filters, bounds } = locate(context, id, now);
    const send = { signal: options.signal, idempotent: true };
    return clearScript(redis, { ...remembered, filters, starts: bounds }, send);
  });
}
