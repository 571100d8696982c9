import { ConnectionError, ReplyError } from "../../core/errors.ts";
import type { Reply } from "../../core/port/redis.ts";
import type { Replies } from "../http/call.ts";

/** Decodes the HTTP response to `size` commands. */
export function decodeReplies(status: number, text: string, size: number): Replies {
  if (status === 401) throw new ReplyError("WRONGPASS The REST endpoint refused `token`");
  const isBusy = status > 499 || status === 429;
  const replies = isBusy ? [] : parseReplies(text);
  const [refusal] = replies;
  if (refusal instanceof ReplyError && (status > 399 || replies.length !== size)) throw refusal;
  if (replies.length === size) return replies;
  const hint = isBusy ? "" : "; is `url` Upstash-compatible?";
  throw new ConnectionError(`HTTP ${status} from Redis${hint}`, status > 299 && status < 500 ? false : "unknown");
}

/** @returns An empty list for a body of another protocol. */
function parseReplies(text: string): Replies {
  try {
    // Few replies have such integers, and this look costs a fifth of the replacement.
    const exact = /\d{16}/.test(text) ? text.replace(longDigits, markDigits) : text;
    const items: unknown = JSON.parse(exact);
    return Array.isArray(items) ? items.map(decodeReply) : [decodeReply(items as ReplyJson)];
  } catch {
    return [];
  }
}

/** Integers that JSON.parse might round. Base64 has no character that may stand before one; an error may have, and is passed over. */
const longDigits = /"error":"(?:[^"\\]|\\.)*"|(?<=[[,:])-?\d{16,}(?=[\],}])/g;

/** No base64 begins with an equals sign. */
function markDigits(found: string): string {
  return found.startsWith('"') ? found : `"=${found}"`;
}

/** The JSON of the reply to one command, with exactly one of these. */
interface ReplyJson {
  readonly result?: unknown;
  readonly error?: string;
}

function decodeReply({ result, error }: ReplyJson): Reply | ReplyError {
  return error ? new ReplyError(error) : decodeResult(result);
}

/** Every string is base64, except a bare `OK`. That cannot be base64, whose length is a multiple of four. */
function decodeResult(value: unknown): Reply {
  if (Array.isArray(value)) return value.map(decodeResult);
  if (typeof value === "number" || value === null) return value;
  const text = value as string;
  if (!text.startsWith("=")) return text === "OK" ? text : decodeUtf8(atob(text));
  const digits = text.slice(1);
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : digits;
}

/** @param binary One character per byte. */
function decodeUtf8(binary: string): string {
  if (!/[^\0-\x7f]/.test(binary)) return binary;
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return utf8.decode(bytes);
}

const utf8 = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });
