import type { SessionPatch } from "./data.ts";

/** Options of one call. */
export interface SessionCallOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** One session, as it was when it was read. Instants are the server's, in milliseconds since 1970. */
export interface Session<Data extends object> {
  /** The secret for the cookie. `rotate` changes it. */
  readonly token: string;
  /** The public name of the session, for device lists and logs: it opens nothing. */
  readonly id: string;
  /** The user whose session it is; `null` while anonymous. */
  readonly user: string | null;
  /** The data as it was read, with what `set` has stored through this object since. */
  readonly data: Readonly<Data>;
  /** When the session was created. */
  readonly createdAt: number;
  /** When its use was last written down, which may be `touchEvery` ago. */
  readonly seenAt: number;
  /** When it ends, however much it is used. */
  readonly endsAt: number;
  /** When its user last proved who they are. */
  readonly authenticatedAt: number;
  /** The address that `create` was given. */
  readonly ip: string | null;
  /** The user agent that `create` was given. */
  readonly userAgent: string | null;
  /**
   * Writes the fields of the patch and no others; `undefined` deletes one. Fields are replaced, never merged into.
   * @throws {SessionGoneError} The session has ended; nothing was written.
   * @throws {SessionTooLargeError} The data would exceed `maxBytes`; nothing was written.
   * @throws {OptionError} The codec refuses a value.
   */
  set(patch: SessionPatch<Data>, options?: SessionCallOptions): Promise<void>;
  /**
   * Gives the session a new token and keeps everything else. The old token works for another `grace`, so that parallel requests do
   * not lose the user. Of parallel rotations the first counts, and the others leave `token` as it is.
   * @returns The token for the cookie.
   * @throws {SessionGoneError} The session has ended.
   */
  rotate(options?: SessionCallOptions): Promise<string>;
  /** Ends the session for every token that it ever had. It is no error if the session has ended already. */
  destroy(options?: SessionCallOptions): Promise<void>;
}
