export type {
  CodeVerdict,
  NewToken,
  TokenCallOptions,
  TokenSubject,
  TokenOptions,
  Tokens,
  TokenView,
} from "./options.ts";
export { createTokens } from "./tokens.ts";
