import { checkChange, rememberRequest } from "../../request.ts";
import { text } from "../../port/reply.ts";
import { askAroundServerTime } from "../../script/server-time.ts";
import { checkInstant } from "../../time/instant.ts";
import { checkBy } from "./check-count.ts";
import { pageSize, readCount } from "./format.ts";
import { countScript } from "./scripts/count.lua.ts";
import { pagesBetween, type SeriesContext } from "./series-context.ts";
import type { SeriesIncrementOptions } from "./series-options.ts";

export async function countInBucket(
  context: SeriesContext,
  id: string,
  by: number,
  options: SeriesIncrementOptions | undefined,
): Promise<number> {
  const { redis, namespace, bucket, age, requestTtl } = context;
  const call = checkChange(options, "{ requestId, at }") ?? {};
  const { signal } = call;
  const at = call.at === undefined ? undefined : checkInstant("at", call.at);
  // One request for all of its asking, in whatever page: what was counted before midnight is not counted again after it. Series of
  // another bucket count the same event for themselves.
  const remembered = rememberRequest(namespace, id, `increment:${bucket}`, call, requestTtl);
  const values = { ...remembered, by: checkBy(by), at: at ?? "", bucket, age };
  const slack = bucket * pageSize;
  const ask = (now: number) => {
    const pages =
      at === undefined ? pagesBetween(context, id, now - slack, now + slack) : pagesBetween(context, id, at, at);
    return countScript(redis, { ...values, ...pages }, { signal, idempotent: true });
  };
  return readCount(text(await askAroundServerTime(ask)), id);
}
