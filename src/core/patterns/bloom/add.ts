import { type ChangeOptions, rememberRequest, subjectOf } from "../../request.ts";
import { askAroundServerTime } from "../../script/server-time.ts";
import { text } from "../../port/reply.ts";
import { type FilterContext, locate, questionOf, scopeOf } from "./context.ts";
import { headerOf, mismatch, placeOf } from "./format.ts";
import { addScript } from "./scripts/add.lua.ts";

/** Adds items, and tells of each whether it was surely new. */
export async function addItems(
  context: FilterContext,
  operation: string,
  id: string,
  items: readonly string[],
  options: ChangeOptions = {},
): Promise<boolean[]> {
  const { redis, namespace, ttl, size, requestTtl } = context;
  const { shape, places } = await questionOf(context, items);
  const [mark = 0] = headerOf(shape);
  const subject = await subjectOf(options, items);
  const values = {
    ...rememberRequest(namespace, id, `${operation}${scopeOf(context)}${subject}`, options, requestTtl),
    ...shape,
    ttl,
    mark,
    last: placeOf(size.bits - 1),
    places,
  };
  const answer = text(
    await askAroundServerTime((now) => {
      const { filters, bounds } = locate(context, id, now);
      const send = { signal: options.signal, idempotent: true };
      return addScript(redis, { ...values, filters, starts: bounds }, send);
    }),
  );
  if (answer.startsWith("!")) throw mismatch(answer.slice(1).split(" ").map(Number), shape);
  return Array.from(answer, (digit) => digit === "1");
}
