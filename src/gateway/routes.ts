import { byteString } from "../core/crypto.ts";
import { handlePipeline, handleTransaction } from "./batch.ts";
import { toBytes } from "./bytes.ts";
import { type Call, type Handler, sendOptionsOf, toClientReply, toCommand } from "./call.ts";
import { readBody } from "./inquiry.ts";
import { parseCommand } from "./json.ts";
import { parsePath, parseQuery } from "./path.ts";
import { refusalOf } from "./refusals.ts";
import { type JsonResponse, Refusal, toResult } from "./response.ts";
import type { StreamWord } from "./streams/listen.ts";
import type { Streams } from "./streams/streams.ts";
import { streamHandler } from "./streams/subscribe.ts";

/** Finds the handler of a path. Reserved words are compared after decoding, in upper and lower case. */
export function findHandler(pathname: string, method: string, streams: Streams | null): Handler {
  const [first = "", ...rest] = parsePath(pathname);
  const word = first.toLowerCase();
  if (word === "monitor") throw new Refusal(404, "ERR /monitor is not served by this gateway");
  if (word === "subscribe" || word === "psubscribe") return findStreamHandler(word, streams);
  if (rest.length > 0) return handlePathCommand;
  const handler = handlers.get(word);
  if (!handler) return handlePathCommand;
  if (method === "POST" || method === "PUT") return handler;
  throw new Refusal(405, "ERR method not allowed: this path wants POST");
}

function findStreamHandler(word: StreamWord, streams: Streams | null): Handler {
  if (streams) return streamHandler(word, streams);
  throw new Refusal(404, `ERR /${word} is not served by this gateway: createGateway needs a \`subscriber\` for it`);
}

const handlers: ReadonlyMap<string, Handler> = new Map([
  ["", handleBodyCommand],
  ["pipeline", handlePipeline],
  ["multi-exec", handleTransaction],
]);

/** Answers `POST /` with a body such as `["SET", "key", "value"]`. */
async function handleBodyCommand(call: Call): Promise<JsonResponse> {
  const body = await readBody(call.inquiry, call.maxBody);
  return runCommand(call, parseCommand(body, "ERR failed to parse command", toBytes));
}

/** Answers a path such as `/SET/key`, with the value as the body and options in the query. */
async function handlePathCommand(call: Call): Promise<JsonResponse> {
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
