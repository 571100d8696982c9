/** Options of `createTokens`. A token is a link's secret; a code is what a user types. */
export interface TokenOptions {
  /** The time for which a token or code is valid, in milliseconds: minutes for a code, an hour for a link. */
  readonly ttl: number;
  /**
   * The name of this store of tokens. Its keys begin with `token:` and the prefix.
   */
  readonly prefix: string;
  /**
   * The number of wrong attempts that make a code invalid, from 1 up.
   * @default 5
   */
  readonly attempts?: number | undefined;
  /**
   * The number of digits of a code, from 6 to 12.
   * @default 6
   */
  readonly digits?: number | undefined;
  /**
   * A secret of at least 32 characters, kept outside Redis, that codes are hashed with. A code of 6 digits has only a million possible values, so
   * without a pepper, anybody who can read Redis can find a code while it is valid. Links need no pepper.
   * @default none
   */
  readonly pepper?: string | undefined;
}

/** The user that a token is for, and the purpose that it serves. */
export interface TokenSubject {
  /** The application's id of the user. */
  readonly user: string;
  /** The purpose of the token, such as "verify-email". A token for one purpose is refused for every other. */
  readonly purpose: string;
}

/** A token to be issued. */
export interface NewToken<Data> extends TokenSubject, TokenCallOptions {
  /**
   * Data that `consume` returns, as plain JSON, such as the address to verify.
   * @default null
   */
  readonly data?: Data | undefined;
  /**
   * The time for which this token is valid, in milliseconds.
   * @default the `ttl` of `createTokens`
   */
  readonly ttl?: number | undefined;
}

/** Options of one call. */
export interface TokenCallOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What `peek` sees of a valid token. */
export interface TokenView<Data> extends TokenSubject {
  readonly data: Data | null;
  /** The time at which it expires by the server's clock, in milliseconds since 1970. */
  readonly expiresAt: number;
}

/** The verdict on a code. */
export type CodeVerdict<Data> =
  | { readonly accepted: true; readonly data: Data | null }
  | {
      readonly accepted: false;
      /** The number of wrong attempts that are left. It is 0 where no code is valid: none was issued, or it has expired or was used. */
      readonly attemptsLeft: number;
    };

/** Tokens and codes that are each accepted once. */
export interface Tokens<Data> {
  /**
   * Issues a token of 256 random bits, for a link. A user may have any number of valid tokens.
   * @returns The token, and the time at which it expires by the server's clock, in milliseconds since 1970.
   * @throws {OptionError} The user or the purpose is empty, `ttl` can never work, or the data is no plain JSON, such as a date.
   */
  issue(token: NewToken<Data>): Promise<{ readonly token: string; readonly expiresAt: number }>;
  /**
   * Accepts a token exactly once.
   * @returns The token's user and data, or `null` if the token is unknown, expired, used, revoked, or for another purpose.
   * @throws {OptionError} The purpose is empty.
   */
  consume(
    token: string | null | undefined,
    options: TokenCallOptions & Pick<TokenSubject, "purpose">,
  ): Promise<{ readonly user: string; readonly data: Data | null } | null>;
  /**
   * Looks at a token and does not use it up: for the page that a link opens and that asks before it acts. Programs that scan mail open
   * links, too, so accept the token by `consume` only when the user has pressed a button.
   * @returns The token's purpose, user, data and end, or `null` where `consume` would refuse it for every purpose.
   */
  peek(token: string | null | undefined, options?: TokenCallOptions): Promise<TokenView<Data> | null>;
  /**
   * Issues a code of a few digits, to be typed. It replaces the user's earlier code for the same purpose, with its attempts.
   * @returns The code, and the time at which it expires by the server's clock, in milliseconds since 1970.
   * @throws {OptionError} The user or the purpose is empty, `ttl` can never work, or the data is no plain JSON, such as a date.
   */
  issueCode(code: NewToken<Data>): Promise<{ readonly code: string; readonly expiresAt: number }>;
  /**
   * Accepts a code exactly once, and counts wrong attempts; what cannot be a code is a wrong attempt, too. Spaces and dashes are ignored.
   * @returns The data of the code, or how many attempts are left.
   * @throws {OptionError} The user or the purpose is empty.
   */
  consumeCode(attempt: TokenSubject & TokenCallOptions & { readonly code: string }): Promise<CodeVerdict<Data>>;
  /**
   * Makes all tokens and codes of a user invalid with one command, such as after a change of password.
   * @throws {OptionError} The user is empty or too long.
   */
  revokeAll(user: string, options?: TokenCallOptions): Promise<void>;
}
