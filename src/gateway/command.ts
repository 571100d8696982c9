import { readBody } from "./inquiry.ts";
import { byteString } from "../core/crypto.ts";
import { toBytes } from "./bytes.ts";
import { toCommand, toClientReply, sendOptionsOf, type Call } from "./call.ts";
import { parseCommand } from "./json.ts";
import { parsePath, parseQuery } from "./path.ts";
import { refusalOf } from "./refusals.ts";
import { toResult, type JsonResponse } from "./response.ts";

/** Answers `POST /` with a body such as `["SET", "key", "value"]`. */
export async function handleBodyCommand(call: Call): Promise<JsonResponse> {
  const body = await readBody(call.inquiry, call.maxBody);
  return runCommand(call, parseCommand(body, "ERR failed to parse command", toBytes));
}

/** Answers a path such as `/SET/key`, with the value as the body and options in the query. */
export async function handlePathCommand(call: Call): Promise<JsonResponse> {
  const body = byteString(await readBody(call.inquiry, call.maxBody));
  return runCommand(call, [...parsePath(call.pathname), ...(body === "" ? [] : [body]), ...parseQuery(call.search)]);
}

async function runCommand(call: Call, words: readonly string[]): Promise<JsonResponse> {
  const refusal = refusalOf(words, call);
  if (refusal) throw refusal;
  const translation = await call.translate(words);
  const reply = await call.redis.send(toCommand(translation), sendOptionsOf(call.inquiry));
  return { status: 200, json: toResult(toClientReply(reply, translation), call.inquiry) };
}
