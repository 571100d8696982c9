import { keyOf } from "../../../keys.ts";
import type { SendOptions } from "../../../port/redis.ts";
import { nullableText } from "../../../port/reply.ts";
import type { Subscriber, Unsubscribe } from "../../../port/subscriber.ts";
import { type Shared, tell, trip } from "../context.ts";

/** Forgets some ids, or without any everything. */
export type Drop = (ids: readonly string[] | undefined) => void;

/** How the memories of several processes learn of each other's changes. */
export interface News {
  /** Whether memory may be used: not before others can say what changes. */
  listens(): boolean;
  /** Goes out with a read: forgets what others have changed, and answers whether that could be found out. */
  ask(): Promise<boolean>;
  /** Tells others what has changed. */
  tell(ids: readonly string[] | undefined): Promise<void>;
  close(): Promise<void>;
}

/** No news: a memory by itself. */
export const noNews: News = {
  listens: () => true,
  ask: async () => true,
  tell: async () => {},
  close: async () => {},
};

/**
 * News over HTTP, where nobody can be called: each change gives the epoch another name, and whoever reads anyhow asks for it in the same
 * request. One whose name has changed means that something, whatever it was, did.
 */
export function newsByEpoch(x: Shared, maxStaleness: number, drop: Drop): News {
  const key = keyOf(x.prefix, "*", "epoch");
  // An epoch that ends has no name, nor does one before it began: whatever was held under the first must be forgotten by then.
  const ttl = Math.max(86_400_000, 2 * maxStaleness);
  let known: string | null | undefined;
  const sent = async (work: (options: SendOptions) => ReturnType<Shared["redis"]["send"]>) =>
    nullableText(await trip(x, undefined, work));
  return {
    ...noNews,
    async ask() {
      if (x.breaker.open) return false;
      try {
        const epoch = await sent((options) => x.redis.send(["GET", key], options));
        if (epoch !== known) drop(undefined);
        known = epoch;
        return true;
      } catch (error) {
        tell(x, "error", "", { error });
        return false;
      }
    },
    async tell() {
      const next = crypto.randomUUID();
      try {
        const last = await sent((options) => x.redis.send(["SET", key, next, "PX", ttl, "GET"], options));
        // Where others changed something since we asked, the next read tells us so.
        if (last === known) known = next;
      } catch (error) {
        // They serve the old value for `maxStaleness` at most.
        tell(x, "error", "", { error });
      }
    },
  };
}

/** News by messages: they name what has changed, and memory is not used while they are not heard. */
export function newsBySubscriber(x: Shared, subscriber: Subscriber, drop: Drop): News {
  const channel = `${x.prefix}:local`;
  const ear = createEar(x, channel, subscriber, drop);
  return {
    ...ear,
    ask: async () => ear.listens(),
    async tell(ids) {
      try {
        await trip(x, undefined, (options) => x.redis.send(["PUBLISH", channel, JSON.stringify(ids ?? null)], options));
      } catch (error) {
        // They serve the old value for `maxStaleness` at most.
        tell(x, "error", "", { error });
      }
    },
  };
}

/** How long after a failed subscription it is tried again, in milliseconds. */
const pause = 1_000;

/** Subscribes at the first use, since a factory does no I/O. */
function createEar(x: Shared, channel: string, subscriber: Subscriber, drop: Drop) {
  let joined: Promise<Unsubscribe | undefined> | undefined;
  let listening = false;
  let retryAt = 0;
  const join = async () => {
    const forget = () => drop(undefined);
    try {
      const leave = await subscriber.subscribe(channel, (message) => drop(idsIn(message)), { onReconnect: forget });
      listening = true;
      return leave;
    } catch (error) {
      retryAt = performance.now() + pause;
      joined = undefined;
      tell(x, "error", "", { error });
      return undefined;
    }
  };
  return {
    listens() {
      if (!listening && !joined && performance.now() >= retryAt) joined = join();
      return listening;
    },
    async close() {
      const leave = await joined;
      listening = false;
      // It is not to begin again.
      retryAt = Infinity;
      joined = undefined;
      await leave?.();
    },
  };
}

function idsIn(message: string): readonly string[] | undefined {
  const ids: unknown = JSON.parse(message);
  return Array.isArray(ids) ? ids.map(String) : undefined;
}
