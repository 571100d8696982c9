import { checkCount, checkDuration, checkFlag } from "../../check.ts";
import { namespaceOf } from "../../keys.ts";
import { checkLifetime, type Lifetime } from "../../time/lifetime.ts";
import type { Redis } from "../../port/redis.ts";
import { texts } from "../../port/reply.ts";
import { type ChangeOptions, subjectOf } from "../../request.ts";
import { encodeData, encodeJson } from "../../data/json.ts";
import { hours } from "../../time/duration.ts";
import { unchecked } from "../../unchecked.ts";
import { portFor } from "../../wait/ask-again.ts";
import { changeOf, checkRead, checkUpTo } from "./context.ts";
import { bareKey, decodeJson } from "./format.ts";
import { clearRecentScript, pushRecentScript, removeRecentScript } from "./scripts/recent.lua.ts";

/** Options of `createRecent`. */
export interface RecentOptions {
  /** The first part of the name of each list: `prefix:id`. Nothing else may have names that begin with it. */
  readonly prefix: string;
  /** For how long a list is kept after its last change, in milliseconds; "permanent" keeps it for ever. */
  readonly ttl: Lifetime;
  /**
   * How many items a list keeps, from 1 to 10,000.
   * @default 10
   */
  readonly length?: number | undefined;
  /**
   * The greatest size of one item, in bytes of JSON.
   * @default 100_000
   */
  readonly maxBytes?: number | undefined;
  /**
   * For how long a change with a `requestId` is remembered, in milliseconds: a minute or more.
   * @default 86_400_000, a day
   */
  readonly requestTtl?: number | undefined;
}

/** Options of `push`. */
export interface RecentPushOptions extends ChangeOptions {
  /**
   * `true` moves an item that is in the list already to its front: "recently viewed". Items are the same if their JSON is, so build them with
   * their properties in one order.
   * @default false
   */
  readonly unique?: boolean | undefined;
}

/** Lists of which each keeps its last few items, for programs in other languages, too. */
export interface Recent<Item> {
  /**
   * Adds an item at the front, and trims the list to its length.
   * @throws {OptionError} The id is empty or too long, or the item is no plain JSON, such as a date.
   * @throws {ValueTooLargeError} The item is larger than `maxBytes`.
   */
  push(id: string, item: Item, options?: RecentPushOptions): Promise<void>;
  /**
   * Reads the list, the last item that was pushed first.
   * @throws {OptionError} `limit` is not from 1 to 10,000.
   */
  list(id: string, options?: RecentListOptions): Promise<Item[]>;
  /**
   * Removes an item, wherever it stands and however often.
   * @returns How often it was there. A repetition of the call gives the same answer.
   */
  remove(id: string, item: Item, options?: ChangeOptions): Promise<number>;
  /** Deletes the list. */
  clear(id: string, options?: ChangeOptions): Promise<void>;
}

/** Options of `list`. */
export interface RecentListOptions {
  /**
   * The most items of the answer, from 1 to 10,000.
   * @default the `length` of the lists
   */
  readonly limit?: number | undefined;
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** The longest list, and the most items of one answer. */
const mostItems = 10_000;

/**
 * Creates lists of the last few items: recently viewed, last searches. They are Redis lists of JSON under the bare name `prefix:id`, so that
 * every program reads them by LRANGE.
 * @throws {OptionError} An option can never work.
 * @example
 * const viewed = createRecent<{ product: number }>(redis, { prefix: "viewed", length: 10, ttl: days(30) });
 * await viewed.push("ada", { product: 7 }, { unique: true });
 * const items = await viewed.list("ada");
 */
export function createRecent<Item = unknown>(redis: Redis, options: RecentOptions): Recent<Item> {
  const port = portFor(redis, options);
  const { prefix, ttl, length = 10, maxBytes = 100_000, requestTtl = hours(24) } = options;
  const context = { namespace: namespaceOf("recent", prefix), requestTtl: checkDuration("requestTtl", requestTtl) };
  const lifetime = checkLifetime("ttl", ttl);
  checkUpTo("length", length, mostItems);
  checkCount("maxBytes", maxBytes);
  const encode = (item: unknown) => encodeData(item, "item", maxBytes);
  // The name of the list takes the place of the id, so that what remembers a call is in its slot.
  const prepare = (id: string, operation: string, call: ChangeOptions | undefined) => {
    const list = bareKey(prefix, id);
    return { list, ...changeOf(context, `${prefix}:${id}`, operation, call) };
  };
  return {
    async push(id, item, call) {
      const { list, remembered, send } = prepare(id, "push", call);
      const unique = checkFlag("unique", call?.unique ?? false) ? 1 : 0;
      const values = { list, ...remembered, item: encode(item), length, unique, ttl: lifetime };
      await pushRecentScript(port, values, send);
    },
    async list(id, call) {
      const { limit = length, signal } = checkRead(call, "{ limit: 10 }") ?? {};
      const end = checkUpTo("limit", limit, mostItems) - 1;
      const reply = await port.send(["LRANGE", bareKey(prefix, id), 0, end], { signal, idempotent: true });
      return texts(reply).map((text) => unchecked(decodeJson(text)));
    },
    async remove(id, item, call) {
      // What is there may be larger than what may be pushed now.
      const text = encodeJson(item, "item", "pass plain JSON");
      const { list, remembered, send } = prepare(id, `remove${await subjectOf(call ?? {}, [text])}`, call);
      return removeRecentScript(port, { list, ...remembered, item: text, ttl: lifetime }, send);
    },
    async clear(id, call) {
      const { list, remembered, send } = prepare(id, "clear", call);
      await clearRecentScript(port, { list, ...remembered }, send);
    },
  };
}
