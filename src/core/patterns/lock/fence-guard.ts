import { checkDuration, checkPort } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { keyPrefix } from "../../keys.ts";
import type { Redis, SendOptions } from "../../port/redis.ts";
import { nullableText } from "../../port/reply.ts";
import { guardKeys } from "./keys.ts";
import { admitFence, guardedSet } from "./scripts/fence-guard.lua.ts";

/** The checking side of a fence: a resource in Redis that refuses a holder whose lease has passed to somebody else. */
export interface Guard {
  /**
   * Remembers the fence of whoever is about to use the resource.
   * @returns false if a larger fence was seen: do not go on.
   */
  admit(id: string, fence: string, options?: SendOptions): Promise<boolean>;
  /**
   * Writes the resource.
   * @returns false if a larger fence was seen: nothing was written.
   */
  set(id: string, fence: string, value: string, options?: SendOptions): Promise<boolean>;
  /** Reads the resource; `null` if it was never written or has expired. */
  get(id: string, options?: SendOptions): Promise<string | null>;
}

/** Options of a guard. */
export interface GuardOptions {
  /** How long a fence and a value are remembered after the last write, in milliseconds: longer than any holder may be late. */
  readonly ttl: number;
  /**
   * The first part of every key.
   * @default "guard"
   */
  readonly prefix?: string | undefined;
}

/**
 * Guards values in Redis by fences. For a write of another kind put `fenceLua` into a script of your own; for SQL see docs/lock.md.
 * @throws {OptionError} An option can never work.
 * @example
 * const guard = createGuard(redis, { ttl: days(1) });
 * await locks.run("report", async ({ fence }) => {
 *   if (!(await guard.set("report", fence, await makeReport()))) throw new Error("somebody else has taken over");
 * });
 */
export function createGuard(redis: Redis, options: GuardOptions): Guard {
  checkPort(redis, options);
  const { ttl, prefix = "guard" } = options;
  checkDuration("ttl", ttl);
  keyPrefix(prefix);
  const keys = (id: string) => guardKeys(prefix, id);
  const again = (options?: SendOptions) => ({ ...options, idempotent: true });
  return {
    admit: async (id, fence, options) => admitFence(redis, { ...keys(id), fence: decimal(fence), ttl }, again(options)),
    set: async (id, fence, value, options) =>
      guardedSet(redis, { ...keys(id), fence: decimal(fence), ttl, value }, again(options)),
    get: async (id, options) => nullableText(await redis.send(["GET", keys(id).resource], again(options))),
  };
}

function decimal(fence: string): string {
  if (/^\d{1,16}$/.test(fence)) return fence;
  throw new OptionError("`fence` must be the `fence` of a lease: up to 16 decimal digits");
}
