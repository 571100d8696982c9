import type { SendOptions } from "../../../port/redis.ts";
import { nullableText } from "../../../port/reply.ts";
import type { Subscriber, Unsubscribe } from "../../../port/subscriber.ts";
import { type CacheContext, report, trip } from "../context.ts";
import { epochKey, localChannel } from "../format/keys.ts";

/** Drops the values of some ids from memory; without ids, of all. */
export type Drop = (ids: readonly string[] | undefined) => void;

/** Keeps the memories of several processes from serving what another one has changed. */
export interface Coherence {
  /** Whether memory may be used: it must not before changes of others are heard. */
  listens(): boolean;
  /** Goes out with a read: drops what others have changed. Returns `false` if that could not be found out. */
  check(): Promise<boolean>;
  /** Lets other processes know what has changed. */
  announce(ids: readonly string[] | undefined): Promise<void>;
  close(): Promise<void>;
}

/** No coherence: a memory by itself. */
export const noCoherence: Coherence = {
  listens: () => true,
  check: async () => true,
  announce: async () => {},
  close: async () => {},
};

/**
 * Coherence over HTTP, where no messages arrive: each change gives the epoch another name, and each read that goes to Redis asks for it
 * in the same request. Another name than the known one says that something has changed, and not what.
 */
export function coherenceByEpoch(context: CacheContext, maxStaleness: number, drop: Drop): Coherence {
  const key = epochKey(context);
  // An epoch that ended has no name, like one that has not begun: what was held under either must have left the memory by then.
  const ttl = Math.max(86_400_000, 2 * maxStaleness);
  let known: string | null | undefined;
  const send = async (work: (options: SendOptions) => ReturnType<CacheContext["redis"]["send"]>) =>
    nullableText(await trip(context, undefined, work));
  return {
    ...noCoherence,
    async check() {
      if (context.breaker.open) return false;
      try {
        const epoch = await send((options) => context.redis.send(["GET", key], options));
        if (epoch !== known) drop(undefined);
        known = epoch;
        return true;
      } catch (error) {
        report(context, "error", "", { error });
        return false;
      }
    },
    async announce() {
      const next = crypto.randomUUID();
      try {
        const last = await send((options) => context.redis.send(["SET", key, next, "PX", ttl, "GET"], options));
        // If others changed something since the last check, the name is not known here and the next check drops everything.
        if (last === known) known = next;
      } catch (error) {
        // Others serve the old value for `maxStaleness` at most.
        report(context, "error", "", { error });
      }
    },
  };
}

/** Coherence by messages, which name what has changed. Memory is not used while they are not heard. */
export function coherenceBySubscriber(context: CacheContext, subscriber: Subscriber, drop: Drop): Coherence {
  const channel = localChannel(context);
  const listener = createListener(context, channel, subscriber, drop);
  return {
    ...listener,
    check: async () => listener.listens(),
    async announce(ids) {
      try {
        await trip(context, undefined, (options) =>
          context.redis.send(["PUBLISH", channel, JSON.stringify(ids ?? null)], options),
        );
      } catch (error) {
        // Others serve the old value for `maxStaleness` at most.
        report(context, "error", "", { error });
      }
    },
  };
}

/** The time after which a failed subscription is tried again, in milliseconds. */
const retryPause = 1_000;

/** Creates a listener that subscribes at its first use, since a factory does no I/O. */
function createListener(context: CacheContext, channel: string, subscriber: Subscriber, drop: Drop) {
  let subscription: Promise<Unsubscribe | undefined> | undefined;
  let listening = false;
  let retryAt = 0;
  const subscribe = async () => {
    const dropAll = () => drop(undefined);
    try {
      const leave = await subscriber.subscribe(channel, (message) => drop(decodeIds(message)), {
        onReconnect: dropAll,
      });
      listening = true;
      return leave;
    } catch (error) {
      retryAt = performance.now() + retryPause;
      subscription = undefined;
      report(context, "error", "", { error });
      return undefined;
    }
  };
  return {
    listens() {
      if (!listening && !subscription && performance.now() >= retryAt) subscription = subscribe();
      return listening;
    },
    async close() {
      const leave = await subscription;
      listening = false;
      // The subscription must not begin again.
      retryAt = Infinity;
      subscription = undefined;
      await leave?.();
    },
  };
}

function decodeIds(message: string): readonly string[] | undefined {
  const ids: unknown = JSON.parse(message);
  return Array.isArray(ids) ? ids.map(String) : undefined;
}
