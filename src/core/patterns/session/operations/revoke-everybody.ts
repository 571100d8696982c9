import { checkOptions, checkText } from "../../../check.ts";
import { contextOf, report } from "../context.ts";
import { bucketCount, keysOf } from "../format/keys.ts";
import { revokeBucketScript } from "../scripts/revoke-everybody.lua.ts";
import type { SessionCallOptions } from "../session.ts";
import type { Sessions } from "../sessions.ts";

/** The number of buckets whose scripts are sent together. */
const batchSize = 128;

/**
 * Ends every session of everybody, anonymous ones too: after a breach. It gives all 1,024 buckets a new generation, which is not
 * atomic. If it fails half-way, run it again under the same `request`: it finishes, and ends no session that has begun since.
 * @param request Names this revocation, such as "2026-05-04 breach".
 * @returns The number of buckets whose sessions this run has ended; those of the others had been ended under the same name.
 */
export async function revokeEverybody(
  sessions: Sessions<object>,
  request: string,
  options: SessionCallOptions = {},
): Promise<number> {
  const { signal } = checkOptions(options);
  const context = contextOf(sessions);
  const ttl = Math.max(context.absolute, context.remember?.absolute ?? 0);
  const endBucket = (bucket: number) => {
    const keys = keysOf(context.prefix, "-", "-", String(bucket));
    const values = { bucket: keys.bucket, request: checkText("request", request), ttl };
    return revokeBucketScript(context.redis, values, { signal, idempotent: true });
  };
  let ended = 0;
  for (let from = 0; from < bucketCount; from += batchSize) {
    const batch = Array.from({ length: batchSize }, (_, i) => endBucket(from + i));
    ended += (await Promise.all(batch)).filter(Boolean).length;
  }
  report(context, "revoked everybody");
  return ended;
}
