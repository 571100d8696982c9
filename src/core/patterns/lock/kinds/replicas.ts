import { checkCount, checkDuration } from "../../../check.ts";
import { ConnectionError, OptionError, ReplyError } from "../../../errors.ts";
import type { SendOptions } from "../../../port/redis.ts";
import { integer, orThrow } from "../../../port/reply.ts";
import { abandon } from "../lease.ts";
import type { Claim, ReplicaWait } from "../lockable.ts";
import { rewriteLock } from "../scripts/rewrite.lua.ts";

/** Options of the wait for replicas. */
export interface ReplicaOptions {
  /**
   * How many replicas must have the lock.
   * @default 1
   */
  readonly count?: number | undefined;
  /**
   * How long they may take, in milliseconds. The connection does nothing else meanwhile, and the lease is running.
   * @default 100
   */
  readonly timeout?: number | undefined;
}

/**
 * Lets each acquisition and each extension wait, by the command `WAIT`, until replicas have it. What they do not confirm in time is
 * given back and throws a `ConnectionError`; so does an extension, and its lease lives on until the deadline that it had. It narrows
 * the window in which a failover loses the lock and does not close it: a replica that was not waited for may be promoted. It follows
 * one connection to one server, so it is refused over HTTP and on a Cluster. Give the lock a connection of its own.
 * @throws {OptionError} An option can never work.
 * @example
 * const locks = createLock(ioredis(client), { ttl: seconds(10), replicas: waitForReplicas({ count: 1 }) });
 */
export function waitForReplicas({ count: wanted = 1, timeout = 100 }: ReplicaOptions = {}): ReplicaWait {
  checkCount("count", wanted);
  checkDuration("timeout", timeout);
  return (redis) => {
    if (redis.distant || redis.masters) {
      throw new OptionError("`replicas` needs one server over TCP; leave it out over HTTP and on a Cluster");
    }
    return (claim, { lock }) =>
      confirmed(claim, async (token, options) => {
        const write = ["EVAL", rewriteLock.lua, 1, lock, token] as const;
        const replies = await redis.pipeline([write, ["WAIT", wanted, timeout]], options);
        const [written = 0, replicas = 0] = replies.map((reply) => integer(orThrow(reply)));
        if (written === 1 && replicas >= wanted) return;
        throw new ConnectionError("Too few replicas confirmed the lock in time", true);
      });
  };
}

function confirmed(claim: Claim, confirm: (token: string, options?: SendOptions) => Promise<void>): Claim {
  return {
    ...claim,
    async acquire(ask, options) {
      const answer = await claim.acquire(ask, options);
      if ("busyFor" in answer) return answer;
      try {
        await confirm(ask.token, options);
        return answer;
      } catch (error) {
        // What a lost connection may have granted is given back anyway; this is for a server that refuses `WAIT`.
        if (error instanceof ReplyError) await abandon(claim, ask.token);
        throw error;
      }
    },
    async extend(token, ttl, options) {
      const extended = await claim.extend(token, ttl, options);
      if (extended) await confirm(token, options);
      return extended;
    },
  };
}
