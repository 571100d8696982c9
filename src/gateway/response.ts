import { base64 } from "../core/crypto.ts";
import { ConnectionError, RedisPatternsError, ReplyError } from "../core/errors.ts";
import type { Reply } from "../core/port/redis.ts";

/** The JSON of one reply. */
export type Result = { readonly result: Reply } | { readonly error: string };

/** The status and the JSON of a response. */
export interface JsonResponse {
  readonly status: number;
  readonly body: Result | readonly Result[];
}

/** A request is refused, with a status and a text for the client. */
export class Refusal extends RedisPatternsError {
  override readonly name = "Refusal";
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super("REFUSED", message, options);
    this.status = status;
  }
}

/** Refuses requests for another format than JSON. */
export function checkFormat(headers: Headers): void {
  const format = headers.get("upstash-response-format");
  if (format === null || format === "json") return;
  throw new Refusal(400, "ERR this gateway answers in JSON only; remove the header Upstash-Response-Format");
}

/** Gives one reply the encoding that the client asked for. */
export function toResult(reply: Reply | ReplyError, request: Request): Result {
  if (reply instanceof ReplyError) return { error: reply.message };
  const wanted = request.headers.get("upstash-encoding");
  // In the protocol, only a bare OK is not encoded. Clients decode an OK inside of a list.
  return { result: wanted === "base64" && reply !== "OK" ? encode(reply) : reply };
}

function encode(reply: Reply): Reply {
  if (typeof reply === "string") return encodeText(reply);
  return Array.isArray(reply) ? reply.map(encode) : reply;
}

/** The base64 of the text's UTF-8 bytes. `btoa` is faster, and enough for ASCII. */
function encodeText(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? btoa(text) : base64(new TextEncoder().encode(text));
}

/** Translates an error into a response. Errors that are not the client's fault are also reported. */
export function toErrorResponse(error: unknown, onError: (error: unknown) => void): JsonResponse {
  if (error instanceof Refusal) return errorResponse(error.status, error.message);
  if (error instanceof ReplyError) return errorResponse(400, error.message);
  try {
    onError(error);
  } catch {
    // GatewayOptions promises that its errors are ignored.
  }
  if (!(error instanceof ConnectionError)) return errorResponse(500, "ERR the gateway failed");
  const fate = error.sent === false ? "nothing was executed" : "the command may have been executed";
  return errorResponse(503, `ERR Redis is unavailable; ${fate}`);
}

function errorResponse(status: number, error: string): JsonResponse {
  return { status, body: { error } };
}

/** @param serial A number for the sync token, different in every response. */
export function toResponse(request: Request, { status, body }: JsonResponse, serial: number): Response {
  return new Response(request.method === "HEAD" ? null : JSON.stringify(body), {
    status,
    headers: {
      "Content-Type": "application/json",
      "Upstash-Sync-Token": `gw:${serial}`,
      ...(status === 405 && { Allow: "GET, HEAD, POST, PUT" }),
    },
  });
}
