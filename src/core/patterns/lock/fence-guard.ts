import { checkDuration, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import type { Redis, SendOptions } from "../../port/redis.ts";
import { nullableText } from "../../port/reply.ts";
import { guardKeys, guardNamespace } from "./keys.ts";
import { admitFence, setGuarded } from "./scripts/fence-guard.lua.ts";
import { portFor } from "../../wait/ask-again.ts";

/** The checking side of a fence: values in Redis that refuse a holder whose lease has passed to another one. */
export interface FenceGuard {
  /**
   * Remembers the fence of a holder that is about to use the resource.
   * @returns False if a larger fence was seen: do not go on.
   * @throws {OptionError} The fence is not that of a lease.
   */
  admit(id: string, fence: string, options?: SendOptions): Promise<boolean>;
  /**
   * Writes the resource.
   * @returns False if a larger fence was seen: nothing was written.
   * @throws {OptionError} The fence is not that of a lease.
   */
  set(id: string, fence: string, value: string, options?: SendOptions): Promise<boolean>;
  /** Reads the resource; `null` if it was never written or has expired. */
  get(id: string, options?: SendOptions): Promise<string | null>;
}

/** Options of a fence guard. */
export interface FenceGuardOptions {
  /** The time for which a fence and a value are kept after the last write, in milliseconds: longer than any holder may be late. */
  readonly ttl: number;
  /** Names this guard among others: the first part of every key, after the word `guard`. */
  readonly prefix: string;
}

/**
 * Guards values in Redis by fences. For a write of another kind put `fenceLua` into a script of your own; for SQL see docs/lock.md.
 * @throws {OptionError} An option can never work.
 * @example
 * const guard = createFenceGuard(redis, { prefix: "report", ttl: days(1) });
 * await locks.run("report", async ({ fence }) => {
 *   if (!(await guard.set("report", fence, await makeReport()))) throw new Error("another holder has taken over");
 * });
 */
export function createFenceGuard(redis: Redis, options: FenceGuardOptions): FenceGuard {
  const port = portFor(redis, options);
  const { ttl, prefix } = options;
  checkDuration("ttl", ttl);
  const namespace = guardNamespace(prefix);
  const valuesFor = (id: string, fence: string) => ({ ...guardKeys(namespace, id), fence: checkFence(fence), ttl });
  const repeatable = (options?: SendOptions) => ({ ...checkOptions(options), idempotent: true });
  return {
    admit: async (id, fence, options) => admitFence(port, valuesFor(id, fence), repeatable(options)),
    set: async (id, fence, value, options) => setGuarded(port, { ...valuesFor(id, fence), value }, repeatable(options)),
    get: async (id, options) =>
      nullableText(await port.send(["GET", guardKeys(namespace, id).resource], repeatable(options))),
  };
}

function checkFence(fence: string): string {
  if (/^\d{1,16}$/.test(fence)) return fence;
  throw new OptionError("`fence` must be the `fence` of a lease: up to 16 decimal digits");
}
