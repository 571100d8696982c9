import { keyOf } from "../../../keys.ts";
import { checkChange, type ChangeOptions, rememberRequest } from "../../../request.ts";
import { contextOf } from "../context.ts";
import { readCount } from "../format.ts";
import type { Counters } from "../options.ts";
import { takeCounterScript } from "../scripts/take.lua.ts";

/**
 * Reads a counter and resets it to 0 in one step, to move the count into a database. What others count meanwhile is in the answer or left
 * for the next one, never lost. A repetition with the same `requestId` gets the same count again.
 * @example
 * const views = createCounters(redis, { prefix: "views", ttl: days(30) });
 * const requestId = `flush:${id}`; // the same one when the job is tried again
 * const count = await takeCounter(views, "post:7", { requestId });
 * await db.addViews("post:7", count, requestId); // skipped there if this request was added before
 * @throws {OptionError} An argument can never work.
 * @throws {ReplyError} The key holds something else than a count (code `SHAPE`, `WRONGTYPE`).
 */
export async function takeCounter(counters: Counters, id: string, options?: ChangeOptions): Promise<number> {
  const { redis, namespace, requestTtl } = contextOf(counters);
  const call = checkChange(options) ?? {};
  const remembered = rememberRequest(namespace, id, "take", call, requestTtl);
  const values = { counter: keyOf(namespace, id), ...remembered };
  return readCount(await takeCounterScript(redis, values, { signal: call.signal, idempotent: true }), id);
}
