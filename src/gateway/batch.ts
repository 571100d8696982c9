import { ReplyError } from "../core/errors.ts";
import { Refusal, resultOf, type Answer } from "./answer.ts";
import { readBody } from "./body.ts";
import { commandOf, readReply, sendOptions, type Call } from "./call.ts";
import { parseLists } from "./json.ts";
import { refusalOf } from "./refusals.ts";

/** `POST /pipeline`: in order, not atomic, each failure in its place. */
export async function pipeline(call: Call): Promise<Answer> {
  const lists = await readLists(call, "pipeline");
  const refusals = lists.map((words) =>
    words.length === 0 ? new ReplyError("ERR empty pipeline command") : refusalOf(words, call.access),
  );
  const allowed = await Promise.all(lists.filter((_, i) => !refusals[i]).map(call.scripts));
  const replies = allowed.length === 0 ? [] : await call.redis.pipeline(allowed.map(commandOf), sendOptions(call));
  const read = replies.map((reply, i) => readReply(reply, allowed[i])).values();
  const inOrder = refusals.map((refusal) => refusal ?? read.next().value ?? null);
  return { status: 200, body: inOrder.map((reply) => resultOf(reply, call.request)) };
}

/** `POST /multi-exec`: atomic, or nothing at all. */
export async function transaction(call: Call): Promise<Answer> {
  const { redis, request } = call;
  if (!redis.transaction) throw new Refusal(400, "ERR /multi-exec needs a Redis client that has transactions");
  const lists = await readLists(call, "transaction");
  const refusal = lists.map((words) => refusalOf(words, call.access)).find((found) => found !== null);
  if (refusal) throw refusal;
  const translated = await Promise.all(lists.map(call.scripts));
  const replies = await redis.transaction(translated.map(commandOf), sendOptions(call));
  return { status: 200, body: replies.map((reply, i) => resultOf(readReply(reply, translated[i]), request)) };
}

async function readLists(call: Call, kind: "pipeline" | "transaction"): Promise<string[][]> {
  const body = await readBody(call.request, call.maxBody);
  const lists = parseLists(body, `ERR failed to parse ${kind} request`);
  if (lists.length === 0) throw new Refusal(400, `ERR empty ${kind} request`);
  if (lists.length <= call.maxCommands) return lists;
  throw new Refusal(400, `ERR too many commands in one request. Limit: ${call.maxCommands}`);
}
