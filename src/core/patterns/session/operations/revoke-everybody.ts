import { checkText } from "../../../check.ts";
import { contexts, report } from "../context.ts";
import { keysOf, buckets } from "../format/keys.ts";
import { revokeBucketScript } from "../scripts/revoke-everybody.lua.ts";
import type { SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";

/** How many buckets go out together. */
const batch = 128;

/**
 * Ends every session of everybody, anonymous ones too: after a breach. It bumps the generation of all 1,024 buckets, which is not
 * atomic; if it fails half-way, run it again under the same `request`, and it finishes without ending the sessions of those who
 * have logged in since.
 * @param request Names this revocation, such as "2026-05-04 breach".
 * @returns How many buckets this run has ended; the others had been ended under the same name.
 */
export async function revokeEverybody(
  sessions: Sessions<object>,
  request: string,
  { signal }: SessionCallOptions = {},
): Promise<number> {
  const context = contexts.of(sessions);
  const ttl = Math.max(context.absolute, context.remember?.absolute ?? 0);
  const bump = (bucket: number) => {
    const keys = keysOf(context.prefix, "-", "-", String(bucket));
    const values = { bucket: keys.bucket, request: checkText("request", request), ttl };
    return revokeBucketScript(context.redis, values, { signal, idempotent: true });
  };
  let ended = 0;
  for (let from = 0; from < buckets; from += batch) {
    const some = Array.from({ length: batch }, (_, i) => bump(from + i));
    ended += (await Promise.all(some)).filter(Boolean).length;
  }
  report(context, "revoked everybody");
  return ended;
}
