import { checkDuration, checkPort } from "../../../check.ts";
import { ConnectionError, OptionError, ReplyError } from "../../../errors.ts";
import type { Redis, SendOptions } from "../../../port/redis.ts";
import { acquireLock } from "../scripts/acquire.lua.ts";
import { type Ask, type Claim, holding } from "../lockable.ts";
import { createHolder, type Locks } from "../locks.ts";
import type { HolderOptions } from "../options.ts";
import { type ClaimAnswer, largestFence, unknownFence } from "../scripts/fence.lua.ts";
import { type LockKeys, type LockNaming, lockNaming } from "../keys.ts";
import { raiseFence } from "../scripts/quorum.lua.ts";
import { releaseLock } from "../scripts/release.lua.ts";

/** Options of a quorum lock. */
export interface QuorumOptions extends Omit<HolderOptions, "wake"> {
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
  /**
   * How long one node may take to answer, in milliseconds: a dead node must not use up the lease.
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
 * const locks = createQuorumLock([ioredis(client), rest({ url, token }), restFromEnv(env)], { ttl: seconds(10) });
 */
export function createQuorumLock(nodes: readonly Redis[], options: QuorumOptions): Locks {
  if (!Array.isArray(nodes) || nodes.length === 0 || new Set(nodes).size < nodes.length)
    throw new OptionError("`nodes` must be a list of different adapters, best of three or five");
  for (const node of nodes) checkPort(node, options);
  const { prefix = "lock", naming = lockNaming(prefix), ttl } = options;
  const timeout = checkDuration("nodeTimeout", options.nodeTimeout ?? Math.max(1, checkDuration("ttl", ttl) / 10));
  return createHolder(prefix, (name) => quorumClaim({ nodes, timeout, keys: naming(name) }, name), options);
}

interface Quorum {
  readonly nodes: readonly Redis[];
  readonly timeout: number;
  readonly keys: LockKeys;
}

function quorumClaim(quorum: Quorum, name: string): Claim {
  const { keys } = quorum;
  return {
    name,
    channel: "",
    acquire: (ask, options) => acquireMajority(quorum, ask, options),
    extend: (token, ttl, options) =>
      agreed(quorum, options, (node, options) => holding(node, keys, name).extend(token, ttl, options)),
    release: (token, fence, options) =>
      agreed(quorum, options, (node, options) => releaseLock(node, { ...keys, token, fence }, options)),
    async remaining(options) {
      const answers = await askAll(quorum, options, (node, options) => holding(node, keys, name).remaining(options));
      return whenMajorityIsFree(quorum, answers);
    },
  };
}

async function acquireMajority(quorum: Quorum, ask: Ask, options?: SendOptions): Promise<ClaimAnswer> {
  const { keys } = quorum;
  const { token, ttl } = ask;
  const answers = await askAll(quorum, options, (node, options) =>
    acquireLock(node, { ...keys, token, ttl, whenBusy: "leave" }, options),
  );
  const fences = answers.flatMap((answer) => ("fence" in answer ? answer.fence : []));
  if (fences.length >= majority(quorum)) {
    const fence = largestFence(fences);
    const raised = await agreed(
      quorum,
      options,
      async (node, options) => (await raiseFence(node, { ...keys, token, ttl, fence }, options)) === 1,
    );
    if (raised) return { fence };
  }
  // On every node, also on those that seem not to have answered.
  await askAll(quorum, options, (node, options) =>
    releaseLock(node, { ...keys, token, fence: unknownFence }, options),
  ).catch(() => {});
  return {
    busyFor: whenMajorityIsFree(
      quorum,
      answers.map((answer) => ("busyFor" in answer ? answer.busyFor : 0)),
    ),
  };
}

function majority({ nodes }: Quorum): number {
  return Math.floor(nodes.length / 2) + 1;
}

async function agreed(
  quorum: Quorum,
  options: SendOptions | undefined,
  ask: (node: Redis, options: SendOptions) => Promise<boolean>,
): Promise<boolean> {
  return (await askAll(quorum, options, ask)).filter(Boolean).length >= majority(quorum);
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
  ask: (node: Redis, options: SendOptions) => Promise<T>,
): Promise<T[]> {
  const timeout = AbortSignal.timeout(quorum.timeout);
  const limited = { ...options, signal: signal ? AbortSignal.any([signal, timeout]) : timeout };
  const results = await Promise.allSettled(quorum.nodes.map((node) => ask(node, limited)));
  signal?.throwIfAborted();
  const answers = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  if (answers.length >= majority(quorum)) return answers;
  const cause: unknown = results.find((result) => result.status === "rejected")?.reason;
  if (cause instanceof ReplyError) throw cause;
  throw new ConnectionError(`Only ${answers.length} of ${quorum.nodes.length} nodes answered in time`, "unknown", {
    cause,
  });
}

/** The nodes that are not free become free one after the other: how long until enough are. */
function whenMajorityIsFree(quorum: Quorum, left: readonly number[]): number {
  return left.toSorted((a, b) => a - b)[majority(quorum) - 1] ?? 0;
}
