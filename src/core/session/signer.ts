/** Signs tokens, so that what was never issued is turned away without a round trip. */
export interface TokenSigner {
  sign(token: string): Promise<string>;
  /** @returns The token inside, or `null` where no key fits. */
  verify(signed: string): Promise<string | null>;
}
