import { checkMethods, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { bindInside, createInternals, insideOf } from "../../internals.ts";
import type { Redis } from "../../port/redis.ts";
import { type ChangeOptions, checkChange, type Remembered, rememberRequest } from "../../request.ts";

/** The checked options that all calls of one `createFeeds` share. */
export interface FeedContext {
  readonly redis: Redis;
  /** The first part of every key: `feed:prefix`. */
  readonly namespace: string;
  /** For how long a feed is kept, in milliseconds; 0 is for ever. */
  readonly ttl: number;
  readonly length: number;
  readonly maxBytes: number;
  readonly requestTtl: number;
}

const contexts = /* @__PURE__ */ createInternals<FeedContext>("feed");

/** Ties what `createFeeds` makes to its context, and returns it. */
export function bindContext<T extends object>(feeds: T, context: FeedContext): T {
  return bindInside(contexts, feeds, context);
}

/** @throws {OptionError} The object was not made by `createFeeds`. */
export function contextOf(feeds: unknown): FeedContext {
  return insideOf(contexts, feeds, "`feeds` must be what `createFeeds` returned");
}

/** What the script of one change needs, and how it is sent. */
export function changeOf(
  { namespace, requestTtl }: Pick<FeedContext, "namespace" | "requestTtl">,
  id: string,
  operation: string,
  options: ChangeOptions | undefined,
): { readonly remembered: Remembered; readonly send: { signal: AbortSignal | undefined; idempotent: true } } {
  const change = checkChange(options) ?? {};
  return {
    remembered: rememberRequest(namespace, id, operation, change, requestTtl),
    send: { signal: change.signal, idempotent: true },
  };
}

/** Checks the options of a call that reads. They may be absent. */
export function checkRead<T extends { readonly signal?: AbortSignal | undefined } | undefined>(
  options: T,
  remedy = "{ limit: 20 }",
): T {
  checkMethods("signal", checkOptions(options, remedy)?.signal, "an AbortSignal", "throwIfAborted");
  return options;
}

/** Checks a whole number from 1 to `most`. */
export function checkUpTo(name: string, value: number, most: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new OptionError(`\`${name}\` must be a whole number from 1 to ${most}`);
}
