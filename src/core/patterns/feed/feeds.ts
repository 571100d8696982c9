import { checkCount, checkDuration } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { namespaceOf } from "../../keys.ts";
import { checkLifetime } from "../../time/lifetime.ts";
import type { Redis } from "../../port/redis.ts";
import type { ChangeOptions } from "../../request.ts";
import { encodeData } from "../../data/json.ts";
import { hours } from "../../time/duration.ts";
import { unchecked } from "../../unchecked.ts";
import { portFor } from "../../wait/ask-again.ts";
import { bindContext, changeOf, checkUpTo, type FeedContext } from "./context.ts";
import { checkItemId, feedKeys } from "./format.ts";
import type { FeedOptions, Feeds } from "./options.ts";
import { readPage, readSince } from "./read.ts";
import { pushScript } from "./scripts/push.lua.ts";
import { removeScript } from "./scripts/remove.lua.ts";

/**
 * Creates activity feeds: timelines, notifications, audit trails of one thing. Each keeps its newest items.
 * @throws {OptionError} An option can never work.
 * @example
 * const feeds = createFeeds<{ text: string }>(redis, { prefix: "timeline", ttl: days(30) });
 * await feeds.push("ada", { text: "hello" });
 * const { items, cursor } = await feeds.page("ada", { limit: 20 });
 */
export function createFeeds<Item = unknown>(redis: Redis, options: FeedOptions): Feeds<Item> {
  const port = portFor(redis, options);
  const { prefix, ttl, keep = { length: 1_000 }, maxBytes = 100_000, requestTtl = hours(24) } = options;
  const context: FeedContext = {
    redis: port,
    namespace: namespaceOf("feed", prefix),
    ttl: checkLifetime("ttl", ttl),
    length: checkUpTo("keep.length", checkKeep(keep).length, 100_000),
    maxBytes: checkCount("maxBytes", maxBytes),
    requestTtl: checkDuration("requestTtl", requestTtl),
  };
  const feeds: Feeds<Item> = {
    push: (id, item, call) => push(context, id, item, call),
    // The type of the items is the caller's word: nothing checks it.
    page: (id, call) => unchecked(readPage(context, id, call)),
    since: (id, lastId, call) => unchecked(readSince(context, id, lastId, call)),
    remove: (id, itemId, call) => remove(context, id, itemId, call),
  };
  return bindContext(feeds, context);
}

function checkKeep<T extends object>(keep: T): T {
  if (typeof keep === "object" && keep !== null) return keep;
  throw new OptionError("`keep` must be an object, such as { length: 1_000 }");
}

async function push(context: FeedContext, id: string, item: unknown, call: ChangeOptions | undefined) {
  const { redis, namespace, ttl, length, maxBytes } = context;
  const { remembered, send } = changeOf(context, id, "push", call);
  const values = { ...feedKeys(namespace, id), ...remembered, item: encodeData(item, "item", maxBytes), length, ttl };
  return { id: await pushScript(redis, values, send) };
}

async function remove(context: FeedContext, id: string, itemId: string, call: ChangeOptions | undefined) {
  const { redis, namespace, ttl } = context;
  const item = checkItemId("itemId", itemId);
  const { remembered, send } = changeOf(context, id, `remove:${item}`, call);
  const values = { ...feedKeys(namespace, id), ...remembered, item, ttl };
  return removeScript(redis, values, send);
}
