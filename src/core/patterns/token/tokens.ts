import { checkCount, checkDuration } from "../../check.ts";
import { randomText, userTag } from "../../crypto.ts";
import { namespaceOf } from "../../keys.ts";
import type { Redis } from "../../port/redis.ts";
import { unchecked } from "../../unchecked.ts";
import { checkDigits, checkPepper } from "./code.ts";
import { checkCall } from "./check-call.ts";
import { consumeCode, consumeLink, peekLink } from "./consume.ts";
import type { TokenContext } from "./context.ts";
import { userKey } from "./format.ts";
import { issueCode, issueLink } from "./issue.ts";
import type { TokenOptions, Tokens } from "./options.ts";
import { revokeTokensScript } from "./scripts/revoke.lua.ts";
import { portFor } from "../../wait/ask-again.ts";

/**
 * Creates one-time tokens: e-mail verification, magic links, typed codes.
 * @throws {OptionError} An option can never work.
 * @example
 * const tokens = createTokens<{ email: string }>(redis, { prefix: "account", ttl: minutes(30) });
 * const link = await tokens.issue({ user: "u1", purpose: "verify-email", data: { email: "ada@example.org" } });
 * const accepted = await tokens.consume(link.token, { purpose: "verify-email" });
 * if (accepted) await db.markVerified(accepted.user, accepted.data?.email);
 */
export function createTokens<Data = unknown>(redis: Redis, options: TokenOptions): Tokens<Data> {
  const port = portFor(redis, options);
  const { prefix, ttl, attempts = 5, digits = 6, pepper } = options;
  const context: TokenContext = {
    redis: port,
    prefix,
    namespace: namespaceOf("token", prefix),
    ttl: checkDuration("ttl", ttl),
    attempts: checkCount("attempts", attempts),
    digits: checkDigits(digits),
    pepper: checkPepper(pepper),
  };
  return {
    issue: (token) => issueLink(context, token),
    // The type of the data is the caller's word: nothing checks it.
    consume: (token, call) => unchecked(consumeLink(context, token, call)),
    peek: (token, call) => unchecked(peekLink(context, token, call)),
    issueCode: (code) => issueCode(context, code),
    consumeCode: (attempt) => unchecked(consumeCode(context, attempt)),
    revokeAll: async (user, call) => {
      const { signal } = checkCall(call, "{ signal }") ?? {};
      const key = userKey(context.namespace, await userTag(context.prefix, user));
      const values = { user: key, request: randomText(9) };
      await revokeTokensScript(port, values, { signal, idempotent: true });
    },
  };
}
