import { checkText } from "../../check.ts";
import { parseSecret, randomText, replayWindow } from "../../crypto.ts";
import { parseCode } from "./code.ts";
import type { TokenContext } from "./context.ts";
import { locateCode, locateLink, type TokenPlace } from "./format.ts";
import type { CodeVerdict, TokenCallOptions, TokenSubject } from "./options.ts";
import { type Consumed, consumeScript } from "./scripts/consume.lua.ts";

export async function consumeLink(
  context: TokenContext,
  token: string | null | undefined,
  { purpose, signal }: TokenCallOptions & Pick<TokenSubject, "purpose">,
) {
  checkText("purpose", purpose);
  const secret = typeof token === "string" && parseSecret(token);
  if (!secret) return null;
  const consumed = await consume(context, await locateLink(context.namespace, token, secret), purpose, signal);
  return consumed.accepted ? { user: consumed.user, data: consumed.data } : null;
}

export async function consumeCode(
  context: TokenContext,
  { user, purpose, code, signal }: TokenSubject & TokenCallOptions & { readonly code: string },
): Promise<CodeVerdict<unknown>> {
  checkText("purpose", purpose);
  // Text that cannot be a code is a wrong attempt all the same.
  const place = await locateCode(context, user, purpose, parseCode(code, context.digits));
  const consumed = await consume(context, place, purpose, signal);
  return consumed.accepted ? { accepted: true, data: consumed.data } : consumed;
}

function consume(
  { redis }: TokenContext,
  place: TokenPlace,
  purpose: string,
  signal: AbortSignal | undefined,
): Promise<Consumed> {
  const values = { ...place, purpose, request: randomText(9), replayWindow };
  return consumeScript(redis, values, { signal, idempotent: true });
}
