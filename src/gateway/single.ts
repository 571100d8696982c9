import { resultOf, type Answer } from "./answer.ts";
import { decodeText, readBody } from "./body.ts";
import { commandOf, readReply, sendOptions, type Call } from "./call.ts";
import { parseWords } from "./json.ts";
import { parsePath, parseQuery } from "./path.ts";
import { refusalOf } from "./refusals.ts";

/** `POST /` with `["SET", "key", "value"]`. */
export async function bodyCommand(call: Call): Promise<Answer> {
  const body = await readBody(call.request, call.maxBody);
  return run(call, parseWords(body, "ERR failed to parse command"));
}

/** `/SET/key` with the value as raw body and options in the query. */
export async function pathCommand(call: Call): Promise<Answer> {
  const body = decodeText(await readBody(call.request, call.maxBody));
  return run(call, [...parsePath(call.pathname), ...(body === "" ? [] : [body]), ...parseQuery(call.search)]);
}

async function run(call: Call, words: readonly string[]): Promise<Answer> {
  const refusal = refusalOf(words, call.access);
  if (refusal) throw refusal;
  const translated = await call.scripts(words);
  const reply = await call.redis.send(commandOf(translated), sendOptions(call));
  return { status: 200, body: resultOf(readReply(reply, translated), call.request) };
}
