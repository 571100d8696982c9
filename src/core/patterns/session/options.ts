import {
  checkCount,
  checkDuration,
  checkDurationOrZero,
  checkFunction,
  checkMethods,
  checkOneOf,
  checkOptions,
} from "../../check.ts";
import { OptionError } from "../../errors.ts";
import type { OnEvent } from "../../event.ts";
import { keyPrefix } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { checkCodec, type Codec } from "../../data/codec.ts";
import { jsonCodec } from "./codec.ts";
import type { SessionContext, SessionLimits } from "./context.ts";
import type { TokenSigner } from "./signer.ts";
import { portFor } from "../../wait/ask-again.ts";

/** Options of `createSessions`. Durations are milliseconds. */
export interface SessionOptions extends SessionLimits {
  /** The name of this store of sessions. Its keys begin with `session:` and the prefix. */
  readonly prefix: string;
  /**
   * The limits of sessions that are created with `remember: true`.
   * @default none: `remember: true` is refused
   */
  readonly remember?: SessionLimits | undefined;
  /**
   * The interval at which the use of a session is written down. A session may end that much before `idle` has passed, never after.
   * @default the smaller of a minute and a tenth of `idle`
   */
  readonly touchEvery?: number | undefined;
  /**
   * The time for which the old token still works after `rotate`, so that requests in flight do not lose the user; 0 for none.
   * @default 10_000
   */
  readonly grace?: number | undefined;
  /**
   * The largest number of sessions that a user may have at once.
   * @default any number
   */
  readonly maxPerUser?: number | undefined;
  /**
   * The rule for a user who has `maxPerUser` sessions and logs in: the session that was created first ends, or the login is refused.
   * @default "evict-oldest"
   */
  readonly atLimit?: "evict-oldest" | "refuse" | undefined;
  /**
   * The largest size of one session's data, names included, in encoded bytes.
   * @default 65_536
   */
  readonly maxBytes?: number | undefined;
  /**
   * Turns values into text and back. Another codec cannot read the sessions of this one: take another `prefix` with it.
   * @default JSON, which refuses a value that it would change
   */
  readonly codec?: Codec | undefined;
  /**
   * Signs tokens, so that junk never reaches Redis: `hmacSigner([secret])`.
   * @default none
   */
  readonly signer?: TokenSigner | undefined;
  /**
   * Receives the events `created`, `rotated`, `renewed`, `destroyed`, `revoked`, `revoked everybody`, `gone`, and `late` (a session
   * whose creation was given up could not be ended; it ends when its `idle` is over).
   */
  readonly onEvent?: OnEvent | undefined;
  /**
   * Called with work that goes on after a login was aborted or its answer was lost: ending the session that it may have begun. A Worker passes
   * `(work) => ctx.waitUntil(work)`.
   * @default none
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined;
}

/** Checks the options and fills in the defaults. */
export function createContext(redis: Redis, options: SessionOptions): SessionContext {
  const port = portFor(redis, options);
  const {
    prefix,
    remember,
    touchEvery = Math.ceil(Math.min(60_000, options.idle / 10)),
    grace = 10_000,
    maxPerUser,
    atLimit = "evict-oldest",
    maxBytes = 65_536,
    codec = jsonCodec,
    signer,
    onEvent,
    waitUntil,
  } = options;
  return {
    redis: port,
    prefix: keyPrefix(prefix),
    ...checkLimits(options),
    remember: remember === undefined ? undefined : checkLimits(remember, "remember."),
    touchEvery: checkDurationOrZero("touchEvery", touchEvery),
    grace: checkDurationOrZero("grace", grace),
    maxPerUser: maxPerUser === undefined ? 0 : checkCount("maxPerUser", maxPerUser),
    atLimit: checkOneOf("atLimit", atLimit, ["evict-oldest", "refuse"]),
    maxBytes: checkCount("maxBytes", maxBytes),
    codec: checkCodec(codec),
    signer: checkMethods("signer", signer, "a signer such as hmacSigner([secret])", "sign", "verify"),
    knownTokens: new Map(),
    onEvent: onEvent === undefined ? undefined : checkFunction("onEvent", onEvent),
    waitUntil: waitUntil === undefined ? undefined : checkFunction("waitUntil", waitUntil),
  };
}

function checkLimits(limits: SessionLimits, path = ""): SessionLimits {
  const given = checkOptions(limits, "{ idle, absolute }");
  const idle = checkDuration(`${path}idle`, given.idle);
  const absolute = checkDuration(`${path}absolute`, given.absolute);
  if (idle <= absolute) return { idle, absolute };
  throw new OptionError(`\`${path}idle\` must not exceed \`${path}absolute\``);
}

export function chooseLimits(context: SessionContext, remember: boolean): SessionLimits {
  if (!remember) return context;
  if (context.remember) return context.remember;
  throw new OptionError("`remember` needs the option of that name in createSessions");
}
