import { ReplyError } from "../core/errors.ts";
import type { Reply } from "../core/port/redis.ts";
import { readBody } from "./inquiry.ts";
import { toBytes } from "./bytes.ts";
import { toCommand, toClientReply, sendOptionsOf, type Call } from "./call.ts";
import { parseCommands } from "./json.ts";
import { refusalOf } from "./refusals.ts";
import { Refusal, toResult, type JsonResponse } from "./response.ts";

/** Answers `POST /pipeline`: in order, not atomic, with each error in its place. */
export async function handlePipeline(call: Call): Promise<JsonResponse> {
  const commands = await readCommands(call, "pipeline");
  const refusals = commands.map((words) =>
    words.length === 0 ? new ReplyError("ERR empty pipeline command") : refusalOf(words, call),
  );
  const translations = await Promise.all(commands.filter((_, i) => !refusals[i]).map(call.translate));
  const replies =
    translations.length === 0
      ? []
      : await call.redis.pipeline(translations.map(toCommand), sendOptionsOf(call.inquiry));
  const clientReplies = replies.map((reply, i) => toClientReply(reply, translations[i])).values();
  return respond(
    call,
    refusals.map((refusal) => refusal ?? clientReplies.next().value ?? null),
  );
}

/** Answers `POST /multi-exec`: all commands run, or none. */
export async function handleTransaction(call: Call): Promise<JsonResponse> {
  const { redis, inquiry } = call;
  if (!redis.transaction) throw new Refusal(400, "ERR /multi-exec needs a Redis client that has transactions");
  const commands = await readCommands(call, "transaction");
  const refusal = commands.map((words) => refusalOf(words, call)).find((found) => found !== null);
  if (refusal) throw refusal;
  const translations = await Promise.all(commands.map(call.translate));
  const replies = await redis.transaction(translations.map(toCommand), sendOptionsOf(inquiry));
  return respond(
    call,
    replies.map((reply, i) => toClientReply(reply, translations[i])),
  );
}

function respond({ inquiry }: Call, replies: readonly (Reply | ReplyError)[]): JsonResponse {
  return { status: 200, json: `[${replies.map((reply) => toResult(reply, inquiry)).join()}]` };
}

async function readCommands(call: Call, kind: "pipeline" | "transaction"): Promise<string[][]> {
  const body = await readBody(call.inquiry, call.maxBody);
  const commands = parseCommands(body, `ERR failed to parse ${kind} request`, toBytes);
  if (commands.length === 0) throw new Refusal(400, `ERR empty ${kind} request`);
  if (commands.length <= call.maxCommands) return commands;
  throw new Refusal(400, `ERR too many commands in one request. Limit: ${call.maxCommands}`);
}
