export type { CodeVerdict, NewToken, TokenCallOptions, TokenClaim, TokenOptions, Tokens } from "./tokens.ts";
export { createTokens } from "./tokens.ts";
