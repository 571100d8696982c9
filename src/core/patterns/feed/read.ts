import { checkFunction } from "../../check.ts";
import { isAbove } from "../../stream-id.ts";
import { checkRead, checkUpTo, type FeedContext } from "./context.ts";
import { checkItemId, feedKeys } from "./format.ts";
import type { FeedNews, FeedPage, FeedPageOptions, FeedReadOptions, FeedSinceOptions, OnTrimmed } from "./options.ts";
import { type Found, pageScript, sinceScript } from "./scripts/read.lua.ts";

/** The most items of one answer. */
const mostItems = 1_000;

export async function readPage(
  context: FeedContext,
  id: string,
  options: FeedPageOptions | undefined,
): Promise<FeedPage<unknown>> {
  const { cursor, ...call } = checkRead(options) ?? {};
  const isFirst = cursor === undefined || cursor === null;
  const from = isFirst ? "+" : checkItemId("cursor", cursor);
  const { items, trimmed } = await read(context, id, pageScript, from, call);
  if (!isFirst && trimmed !== "" && !isAbove(from, trimmed)) await tell(call.onTrimmed, trimmed);
  const { limit = 20 } = call;
  const shown = items.slice(0, limit);
  return { items: shown, cursor: items.length > limit ? (shown.at(-1)?.id ?? null) : null };
}

export async function readSince(
  context: FeedContext,
  id: string,
  lastId: string | null,
  options: FeedSinceOptions | undefined,
): Promise<FeedNews<unknown>> {
  const call = checkRead(options) ?? {};
  if (lastId !== null) checkItemId("lastId", lastId);
  const { items, trimmed } = await read(context, id, sinceScript, lastId ?? "-", call);
  if (trimmed !== "" && (lastId === null || isAbove(trimmed, lastId))) await tell(call.onTrimmed, trimmed);
  const { limit = 20 } = call;
  const shown = items.slice(0, limit);
  return { items: shown, lastId: shown.at(-1)?.id ?? lastId, more: items.length > limit };
}

function read(
  { redis, namespace }: FeedContext,
  id: string,
  script: typeof pageScript,
  from: string,
  { limit = 20, signal, onTrimmed }: FeedReadOptions & { readonly onTrimmed?: OnTrimmed | undefined },
): Promise<Found> {
  if (onTrimmed !== undefined) checkFunction("onTrimmed", onTrimmed);
  const { items, trimmed } = feedKeys(namespace, id);
  // The item at `from` is one of them and is left out, and one more tells whether there are more.
  const count = checkUpTo("limit", limit, mostItems) + 2;
  return script(redis, { items, trimmed, from, count }, { signal, idempotent: true });
}

async function tell(onTrimmed: OnTrimmed | undefined, lastTrimmed: string): Promise<void> {
  await onTrimmed?.({ lastTrimmed });
}
