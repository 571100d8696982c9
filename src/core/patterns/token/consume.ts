import { parseSecret, randomText, replayWindow } from "../../crypto.ts";
import { checkCall, checkPurpose } from "./check-call.ts";
import { parseCode } from "./code.ts";
import type { TokenContext } from "./context.ts";
import { locateCode, locateLink, type TokenPlace } from "./format.ts";
import type { CodeVerdict, TokenCallOptions, TokenSubject, TokenView } from "./options.ts";
import { type Consumed, consumeScript } from "./scripts/consume.lua.ts";
import { peekScript } from "./scripts/peek.lua.ts";

export async function consumeLink(
  context: TokenContext,
  token: string | null | undefined,
  options: TokenCallOptions & Pick<TokenSubject, "purpose">,
) {
  const { purpose, signal } = checkPurpose(options, '{ purpose: "login" }');
  const secret = typeof token === "string" && parseSecret(token);
  if (!secret) return null;
  const consumed = await consume(context, await locateLink(context.namespace, token, secret), purpose, signal);
  return consumed.accepted ? { user: consumed.user, data: consumed.data } : null;
}

/** Reads a link and changes nothing. */
export async function peekLink(
  { redis, namespace }: TokenContext,
  token: string | null | undefined,
  options?: TokenCallOptions,
): Promise<TokenView<unknown> | null> {
  const { signal } = checkCall(options, "{ signal }") ?? {};
  const secret = typeof token === "string" && parseSecret(token);
  if (!secret) return null;
  return peekScript(redis, await locateLink(namespace, token, secret), { signal, idempotent: true });
}

export async function consumeCode(
  context: TokenContext,
  attempt: TokenSubject & TokenCallOptions & { readonly code: string },
): Promise<CodeVerdict<unknown>> {
  const { user, purpose, code, signal } = checkPurpose(attempt, '{ user: "u1", purpose: "login", code }');
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
