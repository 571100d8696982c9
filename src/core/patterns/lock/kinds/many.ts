import { checkList } from "../../../check.ts";
import { ConnectionError, OptionError } from "../../../errors.ts";
import type { Redis, SendOptions } from "../../../port/redis.ts";
import { type LockNaming, lockNaming } from "../keys.ts";
import type { Lease } from "../lease.ts";
import type { AcquireRequest, Lockable } from "../lockable.ts";
import { createLocks } from "../locks.ts";
import type { AcquireOptions, LeaseOptions, TryOptions } from "../options.ts";
import { type AcquireReply, unknownFence } from "../scripts/fence.lua.ts";
import { acquireMany, extendMany, joinFences, releaseMany, splitFences } from "../scripts/many.lua.ts";
import { portFor } from "../../../wait/ask-again.ts";

/** Several locks held together; they are extended, lost and released as one. */
export interface ManyLease extends Omit<Lease, "name" | "fence" | "serialize"> {
  /** The names, in the order in which they are always taken. */
  readonly names: readonly string[];
  /** The fence of each name. */
  readonly fences: ReadonlyMap<string, string>;
}

/** Grants several locks at once. They are the same locks that `createLock` grants one by one under the same prefix. */
export interface ManyLocks {
  /**
   * Asks once.
   * @returns All of them, or `null` if any is held by somebody else; then none is taken.
   * @throws {ConnectionError} Redis was not reached.
   */
  tryAcquireAll(names: readonly string[], options?: TryOptions): Promise<ManyLease | null>;
  /**
   * Asks until all are granted together.
   * @throws {LockBusyError} The wait ended first.
   * @throws {ConnectionError} Redis was not reached.
   */
  acquireAll(names: readonly string[], options?: AcquireOptions): Promise<ManyLease>;
}

/** Options of several locks. */
export interface ManyLocksOptions extends Omit<LeaseOptions, "wake"> {
  /** Names these locks among others: the first part of every key, after the word `lock`, as in `createLock`. */
  readonly prefix: string;
  /**
   * Names the keys.
   * @default `lock:prefix:{name}` and its parts
   */
  readonly naming?: LockNaming | undefined;
}

/** A script with more keys would hold the server up. */
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
  const port = portFor(redis, options);
  const { prefix } = options;
  const usual = lockNaming(prefix);
  const { naming = usual } = options;
  const createLockable = (id: string) => {
    const names = decodeNames(id);
    const groups = port.masters ? names.map((name) => [name]) : [names];
    return combineGroups(
      id,
      groups.map((group) => createGroup(port, naming, group)),
    );
  };
  const locks = createLocks(prefix, createLockable, options);
  return {
    async tryAcquireAll(names, options) {
      const lease = await locks.tryAcquire(encodeNames(names), options);
      return lease && toManyLease(lease);
    },
    acquireAll: async (names, options) => toManyLease(await locks.acquire(encodeNames(names), options)),
  };
}

/** Names several locks in one text: without duplicates, and in one order for every asker. */
function encodeNames(names: readonly string[]): string {
  const unique = [...new Set(checkList("names", names))].toSorted();
  if (unique.length > 0 && unique.length <= mostNames) return JSON.stringify(unique);
  throw new OptionError(`\`names\` must hold 1 to ${mostNames} names`);
}

function decodeNames(id: string): string[] {
  return JSON.parse(id);
}

function toManyLease(lease: Lease): ManyLease {
  const names = decodeNames(lease.name);
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

/** The names that one script can take. Its `fence` is the fences of all of them. */
type Group = Pick<Lockable, "acquire" | "extend" | "release">;

function createGroup(redis: Redis, naming: LockNaming, names: readonly string[]): Group {
  const keys = names.map(naming).flatMap(({ lock, counter, wanted, gone }) => [lock, counter, wanted, gone]);
  return {
    acquire: (request, options) => acquireMany(redis, { keys, ...request }, options),
    extend: (token, ttl, options) => extendMany(redis, { keys, token, ttl }, options),
    release: (token, fence, options) => releaseMany(redis, { keys, token, granted: splitFences(fence) }, options),
  };
}

function combineGroups(name: string, groups: readonly Group[]): Lockable {
  const everyGroup = async (call: (group: Group, i: number) => Promise<boolean>) =>
    (await Promise.all(groups.map(call))).every(Boolean);
  return {
    name,
    channel: "",
    acquire: (request, options) => acquireInOrder(groups, request, options),
    extend: (token, ttl, options) => everyGroup((group) => group.extend(token, ttl, options)),
    release: (token, fence, options) => {
      const fences = splitFences(fence);
      const fenceOf = (i: number) => (groups.length === 1 ? fence : (fences[i] ?? unknownFence));
      return everyGroup((group, i) => group.release(token, fenceOf(i), options));
    },
    // Several locks are not inspected as one.
    remaining: async () => 0,
  };
}

async function acquireInOrder(
  groups: readonly Group[],
  request: AcquireRequest,
  options?: SendOptions,
): Promise<AcquireReply> {
  const fences: string[] = [];
  for (const [i, group] of groups.entries()) {
    const reply = await group.acquire(request, options).catch((error: unknown) => {
      throw i > 0 ? asUnknown(error) : error;
    });
    if ("busyFor" in reply) {
      const giveBack = { ...options, signal: undefined };
      await Promise.all(groups.slice(0, i).map((taken) => taken.release(request.token, unknownFence, giveBack)));
      return reply;
    }
    fences.push(reply.fence);
  }
  return { fence: joinFences(fences) };
}

/** An error that says that nothing was executed is true of its own command alone: others have been granted before it. */
function asUnknown(error: unknown): unknown {
  if (!(error instanceof Error) || Reflect.get(error, "sent") !== false) return error;
  return new ConnectionError(error.message, "unknown", { cause: error });
}
