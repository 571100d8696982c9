import { checkList, checkPort } from "../../../check.ts";
import { OptionError } from "../../../errors.ts";
import type { Redis, SendOptions } from "../../../port/redis.ts";
import type { Ask, Claim } from "../lockable.ts";
import { createHolder } from "../locks.ts";
import type { AcquireOptions, HolderOptions, TryOptions } from "../options.ts";
import { type ClaimAnswer, unknownFence } from "../scripts/fence.lua.ts";
import { type LockNaming, lockNaming } from "../keys.ts";
import type { Lease } from "../lease.ts";
import { acquireMany, extendMany, joinFences, releaseMany, splitFences } from "../scripts/many.lua.ts";

/** Several locks held together; they are extended, lost and released as one. */
export interface ManyLease extends Omit<Lease, "name" | "fence" | "serialize"> {
  /** The names, in the order in which they are always taken. */
  readonly names: readonly string[];
  /** The fence of each name. */
  readonly fences: ReadonlyMap<string, string>;
}

/** Grants several locks at once. They are the same locks that `createLock` grants one by one under the same prefix. */
export interface ManyLocks {
  /** @returns All of them, or `null` if any is held by somebody else; then none is. */
  tryAcquireAll(names: readonly string[], options?: TryOptions): Promise<ManyLease | null>;
  /**
   * Asks until all are granted together.
   * @throws {LockBusyError} The wait ended first.
   * @throws {ConnectionError} Redis was not reached.
   */
  acquireAll(names: readonly string[], options?: AcquireOptions): Promise<ManyLease>;
}

/** Options of several locks. */
export interface ManyLocksOptions extends Omit<HolderOptions, "wake"> {
  /**
   * The first part of every key.
   * @default "lock"
   */
  readonly prefix?: string | undefined;
  /**
   * Names the keys.
   * @default `prefix:{name}` and its parts
   */
  readonly naming?: LockNaming | undefined;
}

/** More would make the script slow. */
const mostNames = 100;

/**
 * Locks several names as one. On one server a single script takes all or none. On a Cluster, where each name has its own slot, they
 * are taken one after the other in the order of their names, and given back if one is busy: no two askers can block each other.
 * @throws {OptionError} An option can never work.
 * @example
 * const accounts = createManyLocks(redis, { ttl: seconds(10), prefix: "account" });
 * await using both = await accounts.acquireAll(["alice", "bob"]);
 */
export function createManyLocks(redis: Redis, options: ManyLocksOptions): ManyLocks {
  checkPort(redis, options);
  const { prefix = "lock", naming = lockNaming(prefix) } = options;
  const claimOf = (id: string) => {
    const names: string[] = JSON.parse(id);
    const groups = redis.masters ? names.map((name) => [name]) : [names];
    return manyClaim(
      id,
      groups.map((group) => groupClaim(redis, naming, group)),
    );
  };
  const holder = createHolder(prefix, claimOf, options);
  return {
    async tryAcquireAll(names, options) {
      const lease = await holder.tryAcquire(idOf(names), options);
      return lease && manyLease(lease);
    },
    acquireAll: async (names, options) => manyLease(await holder.acquire(idOf(names), options)),
  };
}

/** One order for everybody, without duplicates. */
function idOf(names: readonly string[]): string {
  const unique = [...new Set(checkList("names", names))].toSorted();
  if (unique.length > 0 && unique.length <= mostNames) return JSON.stringify(unique);
  throw new OptionError(`\`names\` must hold 1 to ${mostNames} names`);
}

function manyLease(lease: Lease): ManyLease {
  const names: string[] = JSON.parse(lease.name);
  const fences = splitFences(lease.fence);
  const { signal, assertHeld, extend, release } = lease;
  return {
    names,
    fences: new Map(names.map((name, i) => [name, fences[i] ?? ""])),
    signal,
    assertHeld,
    extend,
    release,
    get remaining() {
      return lease.remaining;
    },
    [Symbol.asyncDispose]: () => lease[Symbol.asyncDispose](),
  };
}

/** What one script can take: `fence` holds the fences of the group. */
type Group = Pick<Claim, "acquire" | "extend" | "release" | "remaining">;

function groupClaim(redis: Redis, naming: LockNaming, names: readonly string[]): Group {
  const each = names.map(naming);
  const keys = each.flatMap(({ lock, counter, wanted }) => [lock, counter, wanted]);
  return {
    acquire: (ask, options) => acquireMany(redis, { keys, ...ask }, options),
    extend: (token, ttl, options) => extendMany(redis, { keys, token, ttl }, options),
    release: (token, fence, options) => releaseMany(redis, { keys, token, granted: splitFences(fence) }, options),
    remaining: async () => 0,
  };
}

function manyClaim(name: string, groups: readonly Group[]): Claim {
  const all = async (call: (group: Group, i: number) => Promise<boolean>) =>
    (await Promise.all(groups.map(call))).every(Boolean);
  return {
    name,
    channel: "",
    acquire: (ask, options) => acquireInOrder(groups, ask, options),
    extend: (token, ttl, options) => all((group) => group.extend(token, ttl, options)),
    release: (token, fence, options) => {
      const fences = splitFences(fence);
      const of = (i: number) => (groups.length === 1 ? fence : (fences[i] ?? unknownFence));
      return all((group, i) => group.release(token, of(i), options));
    },
    remaining: async () => 0,
  };
}

async function acquireInOrder(groups: readonly Group[], ask: Ask, options?: SendOptions): Promise<ClaimAnswer> {
  const fences: string[] = [];
  for (const [i, group] of groups.entries()) {
    const answer = await group.acquire(ask, options);
    if ("busyFor" in answer) {
      await Promise.all(groups.slice(0, i).map((taken) => taken.release(ask.token, unknownFence, options)));
      return answer;
    }
    fences.push(answer.fence);
  }
  return { fence: joinFences(fences) };
}
