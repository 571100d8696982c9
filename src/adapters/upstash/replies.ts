import { ConnectionError, ReplyError } from "../../core/errors.ts";
import { isConnectionError, isReplyError } from "../../core/failure.ts";
import type { Reply } from "../../core/port/redis.ts";
import type { Replies } from "../http/call.ts";

/** One reply, as the HTTP part of the client gives it. */
interface ReplyJson {
  readonly result?: unknown;
  readonly error?: string;
}

/** Decodes the reply to a single command. */
export function decodeSingle(answer: unknown): Replies {
  return [decodeItem(answer)];
}

/** Decodes the replies to several commands. If the answer is a single error, all of them were refused. */
export function decodeList(answer: unknown, size: number): Replies {
  if (Array.isArray(answer) && answer.length === size) return answer.map(decodeItem);
  const refusal = Array.isArray(answer) ? undefined : decodeItem(answer);
  throw isReplyError(refusal) ? refusal : incompatibleError();
}

function decodeItem(answer: unknown): Reply | ReplyError {
  const { result, error } = (answer ?? {}) as ReplyJson;
  return error ? new ReplyError(error) : checkReply(result);
}

function checkReply(value: unknown): Reply {
  // The client may have rounded it already.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return String(value);
  if (value === null || typeof value === "string" || typeof value === "number") return value;
  if (Array.isArray(value)) return value.map(checkReply);
  throw incompatibleError();
}

function incompatibleError(): ConnectionError {
  return new ConnectionError(
    "The answer is not of the Upstash protocol; is it an Upstash-compatible endpoint?",
    "unknown",
  );
}

/**
 * Translates an error of the client into one of the port. The client's messages contain the command with its values, or a whole HTML page,
 * so they do not become the cause. The client keeps no HTTP status, so a failure that comes as JSON is recognised by its text.
 */
export function throwPortError(error: unknown): never {
  if (isReplyError(error) || isConnectionError(error)) throw error;
  const { name, message } = error instanceof Error ? error : { name: "", message: "" };
  if (name === "UpstashJSONParseError") throw incompatibleError();
  if (name !== "UpstashError")
    throw new ConnectionError("The REST endpoint did not answer", "unknown", { cause: error });
  const refusal = new ReplyError(message);
  if (/unauthori[sz]ed/i.test(refusal.message)) throw new ReplyError("WRONGPASS The REST endpoint refused the token");
  if (/^[A-Z]+ /.test(refusal.message) && !/unavailable/.test(refusal.message)) throw refusal;
  throw new ConnectionError(`The REST endpoint failed: ${refusal.message}`, "unknown");
}
