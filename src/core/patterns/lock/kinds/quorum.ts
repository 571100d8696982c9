import { checkDuration } from "../../../check.ts";
import { ConnectionError, OptionError } from "../../../errors.ts";
import { isReplyError } from "../../../failure.ts";
import type { Redis, SendOptions } from "../../../port/redis.ts";
import { longestDelay } from "../../../time/timer.ts";
import { type LockKeys, type LockNaming, lockNaming } from "../keys.ts";
import { type AcquireRequest, type Lockable, singleKey } from "../lockable.ts";
import { createLocks, type Locks } from "../locks.ts";
import type { LeaseOptions } from "../options.ts";
import { acquireLock } from "../scripts/acquire.lua.ts";
import { type AcquireReply, largestFence, unknownFence } from "../scripts/fence.lua.ts";
import { raiseFence } from "../scripts/quorum.lua.ts";
import { releaseLock } from "../scripts/release.lua.ts";
import { portFor } from "../../../wait/ask-again.ts";

/** Options of a quorum lock. */
export interface QuorumOptions extends Omit<LeaseOptions, "wake"> {
  /** Names these locks among others: the first part of every key, after the word `lock`, as in `createLock`. */
  readonly prefix: string;
  /**
   * Names the keys.
   * @default `lock:prefix:{name}` and its parts
   */
  readonly naming?: LockNaming | undefined;
  /**
   * The longest wait for the answer of one node, in milliseconds: a dead node must not use up the lease.
   * @default a tenth of the `ttl`
   */
  readonly nodeTimeout?: number | undefined;
}

/**
 * The Redlock algorithm over independent servers, which need not be of one kind: ioredis and REST nodes mix. A lease needs a majority
 * of the nodes, within its validity; a second round stores the largest fence on a majority, so that fences rise although each
 * node counts for itself. It survives the loss of a minority of the nodes. It does not survive nodes that forget: one that restarts
 * empty must stay away for a `ttl`. Its `inspect` tells about a majority.
 * @throws {OptionError} An option can never work.
 * @example
 * const locks = createQuorumLock([ioredis(client), rest({ url, token }), restFromEnv(env)], {
 *   prefix: "job",
 *   ttl: seconds(10),
 * });
 */
export function createQuorumLock(nodes: readonly Redis[], options: QuorumOptions): Locks {
  if (!Array.isArray(nodes) || nodes.length === 0 || new Set(nodes).size < nodes.length)
    throw new OptionError("`nodes` must be a list of different adapters, best of three or five");
  const ports = nodes.map((node) => portFor(node, options));
  const { prefix, ttl } = options;
  const usual = lockNaming(prefix);
  const { naming = usual } = options;
  const { nodeTimeout = Math.max(1, checkDuration("ttl", ttl) / 10) } = options;
  const timeout = checkDuration("nodeTimeout", nodeTimeout);
  return createLocks(prefix, (name) => createQuorum({ nodes: ports, timeout, keys: naming(name) }, name), options);
}

interface Quorum {
  readonly nodes: readonly Redis[];
  readonly timeout: number;
  readonly keys: LockKeys;
}

function createQuorum(quorum: Quorum, name: string): Lockable {
  const { keys } = quorum;
  return {
    name,
    channel: "",
    acquire: (request, options) => acquireMajority(quorum, request, options),
    extend: (token, ttl, options) =>
      majorityAgrees(quorum, options, (node, options) => singleKey(node, keys, name).extend(token, ttl, options)),
    release: (token, fence, options) =>
      majorityAgrees(quorum, options, (node, options) => releaseLock(node, { ...keys, token, fence }, options)),
    async remaining(options) {
      const answers = await askAll(quorum, options, (node, options) => singleKey(node, keys, name).remaining(options));
      return untilMajorityIsFree(quorum, answers);
    },
  };
}

async function acquireMajority(quorum: Quorum, request: AcquireRequest, options?: SendOptions): Promise<AcquireReply> {
  const replies = await askAll(quorum, options, (node, options) =>
    acquireLock(node, { held: "", ...quorum.keys, ...request, whenBusy: "leave" }, options),
  );
  const fence = await agreeOnFence(
    quorum,
    request,
    replies.flatMap((reply) => ("fence" in reply ? reply.fence : [])),
    options,
  );
  if (fence) return { fence };
  return {
    busyFor: untilMajorityIsFree(
      quorum,
      replies.map((reply) => ("busyFor" in reply ? reply.busyFor : 0)),
    ),
  };
}

/**
 * Stores the largest fence on a majority.
 * @returns The fence, or `null` after the token was given up on every node: it had no majority.
 */
async function agreeOnFence(
  quorum: Quorum,
  { token, ttl }: Pick<AcquireRequest, "token" | "ttl">,
  fences: readonly string[],
  options?: SendOptions,
): Promise<string | null> {
  const { keys } = quorum;
  if (fences.length >= majorityOf(quorum)) {
    const fence = largestFence(fences);
    const raised = await majorityAgrees(quorum, options, (node, options) =>
      raiseFence(node, { ...keys, token, ttl, fence }, options),
    );
    if (raised) return fence;
  }
  // On every node: one that did not answer in time may have granted it. An abort of the caller does not end that.
  await askAll(quorum, { ...options, signal: undefined }, (node, options) =>
    releaseLock(node, { ...keys, token, fence: unknownFence }, options),
  ).catch(() => {});
  return null;
}

function majorityOf({ nodes }: Quorum): number {
  return Math.floor(nodes.length / 2) + 1;
}

async function majorityAgrees(
  quorum: Quorum,
  options: SendOptions | undefined,
  askNode: (node: Redis, options: SendOptions) => Promise<boolean>,
): Promise<boolean> {
  return (await askAll(quorum, options, askNode)).filter(Boolean).length >= majorityOf(quorum);
}

/**
 * Asks all nodes at once, each for a limited time.
 * @returns The answers that came.
 * @throws {ConnectionError} Fewer than a majority answered.
 * @throws {ReplyError} Fewer than a majority answered, since nodes refused.
 */
async function askAll<T>(
  quorum: Quorum,
  { signal, ...options }: SendOptions = {},
  askNode: (node: Redis, options: SendOptions) => Promise<T>,
): Promise<T[]> {
  const timeout = AbortSignal.timeout(Math.min(quorum.timeout, longestDelay));
  const limited = { ...options, signal: signal ? AbortSignal.any([signal, timeout]) : timeout };
  const results = await Promise.allSettled(quorum.nodes.map((node) => askNode(node, limited)));
  signal?.throwIfAborted();
  const answers = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  if (answers.length >= majorityOf(quorum)) return answers;
  const cause: unknown = results.find((result) => result.status === "rejected")?.reason;
  if (isReplyError(cause)) throw cause;
  throw new ConnectionError(`Only ${answers.length} of ${quorum.nodes.length} nodes answered in time`, "unknown", {
    cause,
  });
}

/** The milliseconds until a majority is free. Of the nodes that are not, each becomes free after the time that is left there. */
function untilMajorityIsFree(quorum: Quorum, left: readonly number[]): number {
  return left.toSorted((a, b) => a - b)[majorityOf(quorum) - 1] ?? 0;
}
