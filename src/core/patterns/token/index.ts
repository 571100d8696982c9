export type { CodeVerdict, NewToken, TokenCallOptions, TokenSubject, TokenOptions, Tokens } from "./options.ts";
export { createTokens } from "./tokens.ts";
