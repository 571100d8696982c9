import { checkCount, checkDuration, checkOptions } from "../../../check.ts";
import { ConnectionError, OptionError } from "../../../errors.ts";
import type { SendOptions } from "../../../port/redis.ts";
import { integer, orThrow } from "../../../port/reply.ts";
import type { Lockable, ReplicaWait } from "../lockable.ts";
import { rewriteLock } from "../scripts/rewrite.lua.ts";

/** Options of the wait for replicas. */
export interface ReplicaOptions {
  /**
   * The number of replicas that must have the lock.
   * @default 1
   */
  readonly count?: number | undefined;
  /**
   * The longest wait for them, in milliseconds. The connection does nothing else meanwhile, and the lease is running.
   * @default 100
   */
  readonly timeout?: number | undefined;
}

/**
 * Lets each acquisition and each extension wait, by the command `WAIT`, until replicas have it. A grant that they do not confirm in time
 * is given back, and the acquisition throws a `ConnectionError`. So does an extension, and its lease lives on until the deadline that it
 * had. The wait narrows the window in which a failover loses the lock and does not close it: a replica that was not waited for may be
 * promoted. It follows one connection to one server, so it is refused over HTTP and on a Cluster. Give the lock a connection of its own.
 * @throws {OptionError} An option can never work.
 * @example
 * const locks = createLock(ioredis(client), { prefix: "job", ttl: seconds(10), replicas: waitForReplicas() });
 */
export function waitForReplicas(options: ReplicaOptions = {}): ReplicaWait {
  const { count: needed = 1, timeout = 100 } = checkOptions(options, "{ count: 1 }");
  checkCount("count", needed);
  checkDuration("timeout", timeout);
  return (redis) => {
    if (redis.distant || redis.masters) {
      throw new OptionError("`replicas` needs one server over TCP; leave it out over HTTP and on a Cluster");
    }
    return (lockable, { lock }) =>
      withConfirmation(lockable, async (token, options) => {
        const write = ["EVAL", rewriteLock.lua, 1, lock, token] as const;
        const replies = await redis.pipeline([write, ["WAIT", needed, timeout]], options);
        const [written = 0, replicas = 0] = replies.map((reply) => integer(orThrow(reply)));
        if (written === 1 && replicas >= needed) return;
        throw new ConnectionError("Too few replicas confirmed the lock in time", true);
      });
  };
}

/** Lets a lockable answer only after each grant and each extension was confirmed. What was not is given back, as after every error. */
function withConfirmation(
  lockable: Lockable,
  confirm: (token: string, options?: SendOptions) => Promise<void>,
): Lockable {
  return {
    ...lockable,
    async acquire(request, options) {
      const reply = await lockable.acquire(request, options);
      if ("fence" in reply) await confirm(request.token, options);
      return reply;
    },
    async extend(token, ttl, options) {
      const extended = await lockable.extend(token, ttl, options);
      if (extended) await confirm(token, options);
      return extended;
    },
  };
}
