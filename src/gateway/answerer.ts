import { checkFunction, checkCount, checkPort } from "../core/check.ts";
import type { Redis } from "../core/port/redis.ts";
import { overBytes } from "./bytes.ts";
import type { GatewayOptions } from "./gateway.ts";
import type { Inquiry } from "./inquiry.ts";
import { parseToken } from "./path.ts";
import { checkFormat, type GatewayResponse, Refusal, type StreamResponse, toErrorResponse } from "./response.ts";
import { findHandler } from "./routes.ts";
import { createScriptTranslator } from "./scripts.ts";
import { createStreams } from "./streams/streams.ts";
import { createAuthenticator } from "./tokens.ts";

/** An answer for the client, and the headers that belong to it. */
export type Answer = GatewayResponse & {
  readonly headers: Readonly<Record<string, string>>;
};

/** Answers inquiries. It never rejects. */
export type Answerer = (inquiry: Inquiry) => Promise<Answer>;

/**
 * Creates what all servers share: `createGateway` for a `Request`, the command line tool for Node's own requests.
 * @param missing Listed commands that are refused all the same. The set may change later.
 */
export function createAnswerer(
  redis: Redis,
  options: GatewayOptions,
  missing: ReadonlySet<string> = new Set(),
): Answerer {
  checkPort(redis, options);
  const { maxBody = 10 * 1024 * 1024, maxCommands = 10_000, onError = () => {} } = options;
  const authenticate = createAuthenticator(options.tokens);
  const context = {
    redis: overBytes(redis),
    translate: createScriptTranslator(),
    missing,
    maxBody: checkCount("maxBody", maxBody),
    maxCommands: checkCount("maxCommands", maxCommands),
  };
  checkFunction("onError", onError);
  const streams = createStreams(options);
  let responseCount = 0;

  async function handle(inquiry: Inquiry): Promise<GatewayResponse> {
    const { method, target } = inquiry;
    if (!allowedMethods.has(method)) throw new Refusal(405, "ERR method not allowed");
    const end = `${target}?`.indexOf("?");
    const pathname = target.slice(0, end);
    const search = target.slice(end);
    const access = await authenticate(inquiry.header("authorization"), parseToken(search));
    if (!access) throw new Refusal(401, "WRONGPASS invalid or missing auth token");
    checkFormat(inquiry);
    return findHandler(pathname, method, streams)({ ...context, inquiry, pathname, search, access });
  }

  return async (inquiry) => {
    const response = await handle(inquiry).catch((error: unknown) => toErrorResponse(error, inquiry, onError));
    responseCount += 1;
    return { ...response, headers: headersOf(response, responseCount) };
  };
}

const allowedMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT"]);

/** @param serial A number for the sync token, different in every response. */
function headersOf(response: GatewayResponse, serial: number): Record<string, string> {
  return {
    ...("json" in response ? { "Content-Type": "application/json" } : streamHeaders(response)),
    "Upstash-Sync-Token": `gw:${serial}`,
    ...(response.status === 405 && { Allow: "GET, HEAD, POST, PUT" }),
  };
}

/** A proxy must neither keep events nor hold them back. The name of the header that says so to nginx is its own. */
function streamHeaders({ heartbeat }: StreamResponse): Record<string, string> {
  return {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
    "Redis-Patterns-Heartbeat": String(heartbeat),
  };
}
