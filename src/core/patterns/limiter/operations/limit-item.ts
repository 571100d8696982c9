import { checkCount } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import type { LimitAlgorithm } from "../algorithm.ts";
import { contextOf, type LimiterContext } from "../context.ts";
import { counterKey } from "../decide.ts";
import type { Limiter } from "../limiter.ts";

/** One of several limits that a call must pass. */
export interface LimitOf {
  readonly limiter: Limiter;
  /** The id that this limit counts. */
  readonly id: string;
  /**
   * The units that the call takes of it.
   * @default 1
   */
  readonly cost?: number | undefined;
  /**
   * A name that several ids share, so that their keys are in one Cluster slot; see `LimitOptions`.
   * @default that of `LimitAllOptions`
   */
  readonly group?: string | undefined;
  /** Another limit of the same kind for this call; see `LimitOptions`. */
  readonly algorithm?: LimitAlgorithm | undefined;
}

/** A limit with its defaults filled in. */
export interface LimitItem {
  readonly context: LimiterContext;
  readonly limiter: Limiter;
  readonly id: string;
  readonly cost: number;
  readonly group: string | undefined;
  readonly algorithm: LimitAlgorithm;
  readonly key: string;
}

/** Fills in the defaults of a limit; `shared` is the group of all that name none. */
export function resolveItem(
  { limiter, id, cost = 1, group: own, algorithm: plan }: LimitOf,
  shared?: string,
): LimitItem {
  const context = contextOf(limiter);
  const algorithm = plan ?? context.algorithm;
  const group = own ?? shared;
  const key = counterKey(context, id, { group, algorithm });
  return { context, limiter, id, cost: checkCount("cost", cost), group, algorithm, key };
}

/** The most limits of one decision: as many as a script decides within a few milliseconds. */
const mostLimits = 100;

/** Lets limits through that can be decided together. */
export function checkItems(items: readonly LimitItem[]): readonly LimitItem[] {
  if (items.length === 0) throw new OptionError("`limits` must name one limit or more");
  if (items.length > mostLimits) {
    throw new OptionError(`\`limits\` must have at most ${mostLimits} entries; decide the others in another call`);
  }
  if (new Set(items.map(({ key }) => key)).size < items.length) {
    throw new OptionError("Two of `limits` count in one key; give their limiters different prefixes");
  }
  if (items.some(({ algorithm }) => algorithm.held)) {
    throw new OptionError("`limits` cannot hold a concurrency limit; use `acquirePermit` after `limitAll`");
  }
  if (new Set(items.map(({ context }) => context.redis)).size > 1) {
    throw new OptionError("All `limits` must be on one redis; pass the same adapter to their limiters");
  }
  return items;
}

/** Lets limits through whose keys one script can touch. */
export function checkSlot(items: readonly LimitItem[]): readonly LimitItem[] {
  const tags = new Set(items.map(({ id, group = id }) => group));
  if (tags.size > 1 && items[0]?.context.redis.masters) {
    throw new OptionError("On a Cluster `limits` need one hash tag: pass `group`, or `atomic: false`");
  }
  return items;
}
