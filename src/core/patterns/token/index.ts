export type { CodeVerdict, NewToken, TokenCallOptions, TokenClaim, TokenOptions, Tokens } from "./options.ts";
export { createTokens } from "./tokens.ts";
