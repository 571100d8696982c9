import { checkFunction, checkCount, checkDuration, checkDurationOrZero, checkOneOf, checkPort } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import type { OnEvent } from "../../event.ts";
import { keyPrefix } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { json, type SessionCodec } from "./codec.ts";
import type { Context, SessionLimits } from "./context.ts";
import type { TokenSigner } from "./signer.ts";

/** Options of `createSessions`. Durations are milliseconds. */
export interface SessionOptions extends SessionLimits {
  /**
   * What every key begins with.
   * @default "session"
   */
  readonly prefix?: string | undefined;
  /** The limits of sessions that are created with `remember: true`. */
  readonly remember?: SessionLimits | undefined;
  /**
   * How often the use of a session is written down. A session may end that much before `idle` has passed, never after.
   * @default the smaller of a minute and a tenth of `idle`
   */
  readonly touchEvery?: number | undefined;
  /**
   * How long the old token still works after `rotate`, so that requests in flight do not lose the user; 0 for not at all.
   * @default 10_000
   */
  readonly grace?: number | undefined;
  /**
   * How many sessions a user may have at once.
   * @default any number
   */
  readonly maxPerUser?: number | undefined;
  /**
   * What a login does when the user has `maxPerUser` sessions: it ends the one that was created first, or throws.
   * @default "evict-oldest"
   */
  readonly atLimit?: "evict-oldest" | "refuse" | undefined;
  /**
   * How large the data of one session may become, names included, in encoded bytes.
   * @default 65_536
   */
  readonly maxBytes?: number | undefined;
  /**
   * How values become text.
   * @default JSON, which refuses what it would change
   */
  readonly codec?: SessionCodec | undefined;
  /** Signs tokens, so that junk never reaches Redis: `hmacSigner([secret])`. */
  readonly signer?: TokenSigner | undefined;
  /** Is told of `created`, `rotated`, `destroyed`, `revoked` and `gone`, with the session's public id. */
  readonly onEvent?: OnEvent | undefined;
}

/** Checks the options and fills in the defaults. */
export function contextFrom(redis: Redis, options: SessionOptions): Context {
  checkPort(redis, options);
  const {
    prefix = "session",
    remember,
    touchEvery = Math.ceil(Math.min(60_000, options.idle / 10)),
    grace = 10_000,
    maxPerUser,
    atLimit = "evict-oldest",
    maxBytes = 65_536,
    codec = json,
    signer,
    onEvent,
  } = options;
  checkFunction("codec.encode", codec.encode);
  checkFunction("codec.decode", codec.decode);
  if (signer) checkFunction("signer.verify", signer.verify);
  return {
    redis,
    prefix: keyPrefix(prefix),
    ...limits(options),
    remember: remember && limits(remember, "remember."),
    touchEvery: checkDurationOrZero("touchEvery", touchEvery),
    grace: checkDurationOrZero("grace", grace),
    maxPerUser: maxPerUser === undefined ? 0 : checkCount("maxPerUser", maxPerUser),
    atLimit: checkOneOf("atLimit", atLimit, ["evict-oldest", "refuse"]),
    maxBytes: checkCount("maxBytes", maxBytes),
    codec,
    signer,
    known: new Map(),
    onEvent: onEvent && checkFunction("onEvent", onEvent),
  };
}

function limits(given: SessionLimits, path = ""): SessionLimits {
  const idle = checkDuration(`${path}idle`, given.idle);
  const absolute = checkDuration(`${path}absolute`, given.absolute);
  if (idle <= absolute) return { idle, absolute };
  throw new OptionError(`\`${path}idle\` must not exceed \`${path}absolute\``);
}

/** @returns The limits of a session that is to be remembered, or of any other. */
export function limitsFor(context: Context, remember: boolean): SessionLimits {
  if (!remember) return context;
  if (context.remember) return context.remember;
  throw new OptionError("`remember` needs the option of that name in createSessions");
}
