import { ReplyError } from "../core/errors.ts";
import { Refusal, toResult, type JsonResponse } from "./response.ts";
import { readBody } from "./body.ts";
import { toCommand, toClientReply, sendOptionsOf, type Call } from "./call.ts";
import { parseCommands } from "./json.ts";
import { refusalOf } from "./refusals.ts";

/** Answers `POST /pipeline`: in order, not atomic, with each error in its place. */
export async function handlePipeline(call: Call): Promise<JsonResponse> {
  const commands = await readCommands(call, "pipeline");
  const refusals = commands.map((words) =>
    words.length === 0 ? new ReplyError("ERR empty pipeline command") : refusalOf(words, call.access),
  );
  const translations = await Promise.all(commands.filter((_, i) => !refusals[i]).map(call.translate));
  const replies =
    translations.length === 0 ? [] : await call.redis.pipeline(translations.map(toCommand), sendOptionsOf(call));
  const clientReplies = replies.map((reply, i) => toClientReply(reply, translations[i])).values();
  const inOrder = refusals.map((refusal) => refusal ?? clientReplies.next().value ?? null);
  return { status: 200, body: inOrder.map((reply) => toResult(reply, call.request)) };
}

/** Answers `POST /multi-exec`: all commands run, or none. */
export async function handleTransaction(call: Call): Promise<JsonResponse> {
  const { redis, request } = call;
  if (!redis.transaction) throw new Refusal(400, "ERR /multi-exec needs a Redis client that has transactions");
  const commands = await readCommands(call, "transaction");
  const refusal = commands.map((words) => refusalOf(words, call.access)).find((found) => found !== null);
  if (refusal) throw refusal;
  const translations = await Promise.all(commands.map(call.translate));
  const replies = await redis.transaction(translations.map(toCommand), sendOptionsOf(call));
  return { status: 200, body: replies.map((reply, i) => toResult(toClientReply(reply, translations[i]), request)) };
}

async function readCommands(call: Call, kind: "pipeline" | "transaction"): Promise<string[][]> {
  const body = await readBody(call.request, call.maxBody);
  const commands = parseCommands(body, `ERR failed to parse ${kind} request`);
  if (commands.length === 0) throw new Refusal(400, `ERR empty ${kind} request`);
  if (commands.length <= call.maxCommands) return commands;
  throw new Refusal(400, `ERR too many commands in one request. Limit: ${call.maxCommands}`);
}
