import { base64 } from "../core/crypto.ts";
import { ConnectionError, RedisPatternsError, ReplyError } from "../core/errors.ts";
import type { Reply } from "../core/port/redis.ts";

/** What one reply becomes in JSON. */
export type Result = { readonly result: Reply } | { readonly error: string };

/** A response that is not yet one. */
export interface JsonResponse {
  readonly status: number;
  readonly body: Result | readonly Result[];
}

/** A request that ends here, with the status and the text that its client is told. */
export class Refusal extends RedisPatternsError {
  override readonly name = "Refusal";
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super("REFUSED", message, options);
    this.status = status;
  }
}

/** Lets requests through that want JSON. */
export function checkFormat(headers: Headers): void {
  const format = headers.get("upstash-response-format");
  if (format === null || format === "json") return;
  throw new Refusal(400, "ERR this gateway answers in JSON only; remove the header Upstash-Response-Format");
}

/** One reply in the encoding that the client asked for. */
export function toResult(reply: Reply | ReplyError, request: Request): Result {
  if (reply instanceof ReplyError) return { error: reply.message };
  const wanted = request.headers.get("upstash-encoding");
  // The protocol leaves a bare OK as it is, and only there: a client decodes it anywhere else.
  return { result: wanted === "base64" && reply !== "OK" ? encode(reply) : reply };
}

function encode(reply: Reply): Reply {
  if (typeof reply === "string") return encodeText(reply);
  return Array.isArray(reply) ? reply.map(encode) : reply;
}

/** The base64 of a text's UTF-8 bytes; ASCII is its own bytes. */
function encodeText(text: string): string {
  return /^[\0-\x7f]*$/.test(text) ? btoa(text) : base64(new TextEncoder().encode(text));
}

/** What a failed request is answered with. Whatever is the server's fault is also reported. */
export function toErrorResponse(error: unknown, onError: (error: unknown) => void): JsonResponse {
  if (error instanceof Refusal) return errorResponse(error.status, error.message);
  if (error instanceof ReplyError) return errorResponse(400, error.message);
  try {
    onError(error);
  } catch {
    // The hook's own fault; GatewayOptions says so.
  }
  if (!(error instanceof ConnectionError)) return errorResponse(500, "ERR the gateway failed");
  const fate = error.sent === false ? "nothing was executed" : "the command may have been executed";
  return errorResponse(503, `ERR Redis is unavailable; ${fate}`);
}

function errorResponse(status: number, error: string): JsonResponse {
  return { status, body: { error } };
}

/** @param serial What the sync token is made of: it differs in every response. */
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
