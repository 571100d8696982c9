import { checkDuration } from "../../check.ts";
import { newSecret, randomText, userTag } from "../../crypto.ts";
import { createCode } from "./code.ts";
import type { TokenContext } from "./context.ts";
import { encodeData, locateCode, locateLink, type TokenPlace } from "./format.ts";
import { checkNewToken } from "./check-call.ts";
import type { NewToken } from "./options.ts";
import { issueScript } from "./scripts/issue.lua.ts";

export async function issueLink(context: TokenContext, options: NewToken<unknown>) {
  checkNewToken(options);
  const owner = await userTag(context.prefix, options.user);
  const name = randomText(12);
  const token = newSecret(owner, name);
  const place = await locateLink(context.namespace, token, { owner, name });
  return { token, expiresAt: await issue(context, options, place, "") };
}

export async function issueCode(context: TokenContext, options: NewToken<unknown>) {
  checkNewToken(options);
  const code = createCode(context.digits);
  const place = await locateCode(context, options.user, options.purpose, code);
  return { code, expiresAt: await issue(context, options, place, context.attempts) };
}

/** @returns The end of its validity, by the server's clock. */
function issue(
  { redis, ttl: usualTtl }: TokenContext,
  { user: name, purpose, data = null, ttl = usualTtl, signal }: NewToken<unknown>,
  place: TokenPlace,
  attempts: number | "",
): Promise<number> {
  const values = { name, purpose, data: encodeData(data), attempts, ttl: checkDuration("ttl", ttl) };
  return issueScript(redis, { ...place, ...values, request: randomText(9) }, { signal, idempotent: true });
}
