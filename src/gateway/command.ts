import { toResult, type JsonResponse } from "./response.ts";
import { decodeText, readBody } from "./body.ts";
import { toCommand, toClientReply, sendOptionsOf, type Call } from "./call.ts";
import { parseCommand } from "./json.ts";
import { parsePath, parseQuery } from "./path.ts";
import { refusalOf } from "./refusals.ts";

/** Answers `POST /` with a body such as `["SET", "key", "value"]`. */
export async function handleBodyCommand(call: Call): Promise<JsonResponse> {
  const body = await readBody(call.request, call.maxBody);
  return runCommand(call, parseCommand(body, "ERR failed to parse command"));
}

/** Answers a path such as `/SET/key`, with the value as the body and options in the query. */
export async function handlePathCommand(call: Call): Promise<JsonResponse> {
  const body = decodeText(await readBody(call.request, call.maxBody));
  return runCommand(call, [...parsePath(call.pathname), ...(body === "" ? [] : [body]), ...parseQuery(call.search)]);
}

async function runCommand(call: Call, words: readonly string[]): Promise<JsonResponse> {
  const refusal = refusalOf(words, call.access);
  if (refusal) throw refusal;
  const translation = await call.translate(words);
  const reply = await call.redis.send(toCommand(translation), sendOptionsOf(call));
  return { status: 200, body: toResult(toClientReply(reply, translation), call.request) };
}
