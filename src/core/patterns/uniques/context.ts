import { bindInside, createInternals, insideOf } from "../../internals.ts";
import type { Redis } from "../../port/redis.ts";
import type { Period, Span } from "../../time/period.ts";
import type { CountKind, CountName, MemberHash, Uniques } from "./options.ts";

/** The checked options that all calls of one `createUniques` share. */
export interface UniquesContext<Name extends CountName = CountName> {
  readonly redis: Redis;
  /** The first part of every key: `uniques:prefix`. */
  readonly namespace: string;
  readonly kind: CountKind<Name>;
  /** What tells its counts from those of another kind and of other periods, each of which has requests of its own. */
  readonly scope: string;
  readonly ttl: number;
  readonly period: Period | undefined;
  readonly hash: MemberHash | undefined;
  readonly requestTtl: number;
  /** The window that was looked for last. Finding one of hundreds of days in a time zone takes milliseconds. */
  lastWindow: { readonly name: string; readonly spans: readonly Span[] } | undefined;
}

const contexts = /* @__PURE__ */ createInternals<UniquesContext>("createUniques");

/** Ties what `createUniques` makes to its context, and returns it. */
export function bindContext<T extends object>(uniques: T, context: UniquesContext): T {
  return bindInside(contexts, uniques, context);
}

/**
 * The context of what `createUniques` made.
 * @throws {OptionError} It is something else.
 */
export function contextOf(uniques: Uniques): UniquesContext {
  return insideOf(contexts, uniques, "`uniques` must come from createUniques()");
}
