import { checkMethods, checkOptions, checkText } from "./check.ts";
import { sha256 } from "./crypto.ts";
import { OptionError } from "./errors.ts";
import { encodeId, keyOf } from "./keys.ts";

/** Options of one call that changes something. */
export interface ChangeOptions {
  /**
   * A name of this change that its repetitions share, such as the id of a message that a queue may deliver twice. It has at most 256
   * characters. The first call with it makes the change; each later one gets the answer of the first.
   * @default a random name, so that only what a client sends again by itself counts once
   */
  readonly requestId?: string | undefined;
  /** Ends the wait; the call then rejects with the signal's reason. The change may have been made. */
  readonly signal?: AbortSignal | undefined;
}

/** What the script of a change needs to be made once: the key that remembers the call, and for how long, in milliseconds. */
export interface Remembered {
  readonly request: string;
  readonly remember: number;
}

/**
 * For how long a call is remembered at least, in milliseconds, and one without a `requestId` exactly: no client sends a call again by itself
 * after a minute.
 */
const unnamedTtl = 60_000;

/**
 * Gives what the script of a change needs to be made once.
 * @param id What is changed. The key has its hash tag.
 * @param operation One word for the kind of change. Each kind has request ids of its own.
 * @param requestTtl For how long a call with a `requestId` is remembered, in milliseconds. Less than a minute is a minute.
 */
export function rememberRequest(
  namespace: string,
  id: string,
  operation: string,
  { requestId }: ChangeOptions,
  requestTtl: number,
): Remembered {
  if (requestId === undefined) {
    // 74 random bits. Other ways to them take ten times as long.
    const name = crypto.randomUUID().slice(0, 23);
    return { request: keyOf(namespace, id, `once:${operation}:${name}`), remember: unnamedTtl };
  }
  if (checkText("requestId", requestId).length > 256) {
    throw new OptionError("`requestId` must have at most 256 characters; use a hash of it");
  }
  return {
    request: keyOf(namespace, id, `request:${operation}:${encodeId(requestId)}`),
    remember: Math.max(requestTtl, unnamedTtl),
  };
}

/**
 * What a named change is made to, as a part of its operation: one event may change several things, each once. It is empty for a call without a
 * name.
 */
export async function subjectOf({ requestId }: ChangeOptions, things: readonly string[]): Promise<string> {
  return requestId === undefined ? "" : `:${await sha256(JSON.stringify(things))}`;
}

/** Checks the options of a call that changes something. They may be absent. */
export function checkChange<T extends ChangeOptions | undefined>(options: T, remedy = "{ requestId }"): T {
  checkMethods("signal", checkOptions(options, remedy)?.signal, "an AbortSignal", "throwIfAborted");
  return options;
}
