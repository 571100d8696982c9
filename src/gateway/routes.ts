import { Refusal } from "./response.ts";
import { handlePipeline, handleTransaction } from "./batch.ts";
import type { Handler } from "./call.ts";
import { parsePath } from "./path.ts";
import { handleBodyCommand, handlePathCommand } from "./command.ts";

/** Finds the handler of a path. Reserved words are compared after decoding, in upper and lower case. */
export function findHandler(pathname: string, method: string): Handler {
  const [first = "", ...rest] = parsePath(pathname);
  const word = first.toLowerCase();
  if (streamingPaths.has(word)) throw new Refusal(404, `ERR /${word} is not served by this gateway`);
  if (rest.length > 0) return handlePathCommand;
  const handler = handlers.get(word);
  if (!handler) return handlePathCommand;
  if (method === "POST" || method === "PUT") return handler;
  throw new Refusal(405, "ERR method not allowed: this path wants POST");
}

const streamingPaths: ReadonlySet<string> = new Set(["subscribe", "psubscribe", "monitor"]);

const handlers: ReadonlyMap<string, Handler> = new Map([
  ["", handleBodyCommand],
  ["pipeline", handlePipeline],
  ["multi-exec", handleTransaction],
]);
