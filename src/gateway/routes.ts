import { Refusal } from "./answer.ts";
import { pipeline, transaction } from "./batch.ts";
import type { Handler } from "./call.ts";
import { parsePath } from "./path.ts";
import { bodyCommand, pathCommand } from "./single.ts";

/** The handler of a path. The reserved words are read after decoding, in any case. */
export function handlerOf(pathname: string, method: string): Handler {
  const [first = "", ...rest] = parsePath(pathname);
  const word = first.toLowerCase();
  if (streaming.has(word)) throw new Refusal(404, `ERR /${word} is not served by this gateway`);
  if (rest.length > 0) return pathCommand;
  const handler = handlers.get(word);
  if (!handler) return pathCommand;
  if (method === "POST" || method === "PUT") return handler;
  throw new Refusal(405, "ERR method not allowed: this path wants POST");
}

const streaming: ReadonlySet<string> = new Set(["subscribe", "psubscribe", "monitor"]);

const handlers: ReadonlyMap<string, Handler> = new Map([
  ["", bodyCommand],
  ["pipeline", pipeline],
  ["multi-exec", transaction],
]);
