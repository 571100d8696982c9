import { createHmac } from "./hmac.ts";

/** Signs tokens, so that a forged one is refused without asking Redis. */
export interface TokenSigner {
  /** Signs a token. */
  sign(token: string): Promise<string>;
  /**
   * Reads a signed token.
   * @returns `null` if the text is malformed or no secret fits.
   */
  verify(signed: string): Promise<VerifiedToken | null>;
}

/** A token whose signature holds. */
export interface VerifiedToken {
  /** The token without its signature. */
  readonly token: string;
  /** False if an older secret signed it. */
  readonly current: boolean;
}

/**
 * Creates a signer that uses HMAC-SHA-256. To exchange the secret, put the new one first, and remove the old one when every session that
 * it signed has ended. `session.token` is always signed with the first.
 * @param secrets Each at least 32 random characters.
 * @throws {OptionError} A secret is too short, or there is none.
 * @example
 * const signer = hmacSigner(["the new secret, 32 characters or more", "the old secret, 32 characters or more"]);
 * const sessions = createSessions(redis, { prefix: "shop", idle: minutes(30), absolute: hours(12), signer });
 */
export function hmacSigner(secrets: readonly string[]): TokenSigner {
  const { sign, verify } = createHmac("secrets", secrets);
  const newest = createHmac("secrets", secrets.slice(0, 1));
  return {
    sign: async (token) => `${token}.${await sign(token)}`,
    async verify(signed) {
      const [token = "", mac = "", ...more] = signed.split(".");
      if (more.length > 0) return null;
      if (await newest.verify(token, mac)) return { token, current: true };
      return secrets.length > 1 && (await verify(token, mac)) ? { token, current: false } : null;
    },
  };
}
