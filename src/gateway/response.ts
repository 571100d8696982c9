import { RedisPatternsError, type ReplyError } from "../core/errors.ts";
import { codeOf, isConnectionError, isReplyError } from "../core/failure.ts";
import type { Reply } from "../core/port/redis.ts";
import { toText } from "./bytes.ts";
import type { Inquiry } from "./inquiry.ts";
import type { Outbox } from "./streams/outbox.ts";

/** The status and the JSON of a response. */
export interface JsonResponse {
  readonly status: number;
  readonly json: string;
}

/** A response that goes on: its events, or `null` for HEAD. */
export interface StreamResponse {
  readonly status: number;
  readonly outbox: Outbox | null;
  /** The time between two signs of life, in milliseconds. */
  readonly heartbeat: number;
}

export type GatewayResponse = JsonResponse | StreamResponse;

/** A request is refused, with a status and a text for the client. */
export class Refusal extends RedisPatternsError {
  override readonly name = "Refusal";
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super("REFUSED", message, options);
    this.status = status;
  }
}

function isRefusal(error: unknown): error is Refusal {
  return codeOf(error) === "REFUSED";
}

/** Refuses requests for another format than JSON. */
export function checkFormat({ header }: Inquiry): void {
  const format = header("upstash-response-format");
  if (format === null || format === "json") return;
  throw new Refusal(400, "ERR this gateway answers in JSON only; remove the header Upstash-Response-Format");
}

/** The JSON of one reply, in the encoding that the client asked for. */
export function toResult(reply: Reply | ReplyError, { header }: Inquiry): string {
  if (isReplyError(reply)) return errorJson(reply.message);
  try {
    // In the protocol, only a bare OK is not encoded. Clients decode an OK inside of a list.
    const encode = header("upstash-encoding") === "base64" && reply !== "OK" ? encodeBase64 : encodeText;
    return `{"result":${toJson(reply, encode)}}`;
  } catch (cause) {
    // A JavaScript string has at most 2^29 characters.
    throw new Refusal(400, tooLarge, { cause });
  }
}

const tooLarge = "ERR the command ran, but its reply is too large for one response; read it in parts";

function toJson(reply: Reply, encode: (bytes: string) => string): string {
  if (typeof reply === "string") return encode(reply);
  return Array.isArray(reply) ? `[${reply.map((item) => toJson(item, encode)).join()}]` : String(reply);
}

function encodeBase64(bytes: string): string {
  return `"${btoa(bytes)}"`;
}

function encodeText(bytes: string): string {
  return JSON.stringify(toText(bytes));
}

/** Translates an error into a response. Errors that are not the client's fault are also reported. */
export function toErrorResponse(error: unknown, { signal }: Inquiry, onError: (error: unknown) => void): JsonResponse {
  if (isRefusal(error)) return errorResponse(error.status, error.message);
  if (isReplyError(error)) return errorResponse(400, error.message);
  // The client has left, which is nobody's fault. Nobody reads this response.
  if (signal.aborted && error === signal.reason) return errorResponse(499, "ERR the client closed the request");
  try {
    onError(error);
  } catch {
    // GatewayOptions promises that its errors are ignored.
  }
  if (!isConnectionError(error)) return errorResponse(500, "ERR the gateway failed");
  const fate = error.sent === false ? "nothing was executed" : "the command may have been executed";
  return errorResponse(503, `ERR Redis is unavailable; ${fate}`);
}

function errorResponse(status: number, error: string): JsonResponse {
  return { status, json: errorJson(error) };
}

function errorJson(error: string): string {
  return JSON.stringify({ error });
}
