import { checkFunction, checkCount, checkPort } from "../core/check.ts";
import type { Redis } from "../core/port/redis.ts";
import { checkFormat, toErrorResponse, Refusal, toResponse, type JsonResponse } from "./response.ts";
import { findHandler } from "./routes.ts";
import { createScriptTranslator } from "./scripts.ts";
import { createAuthenticator, type GatewayToken } from "./tokens.ts";
import { parseToken } from "./path.ts";

/** Answers a request of the Upstash REST protocol. It never rejects. */
export type Gateway = (request: Request) => Promise<Response>;

/** Options of `createGateway`. */
export interface GatewayOptions {
  /** The valid bearer tokens, as strings or with their rights. There must be at least one. */
  readonly tokens: readonly (string | GatewayToken)[];
  /**
   * The largest request body, in bytes. A larger one gets the status 413 as soon as it passes the limit.
   * @default 10_485_760
   */
  readonly maxBody?: number;
  /**
   * The most commands in one request to `/pipeline` or `/multi-exec`.
   * @default 10_000
   */
  readonly maxCommands?: number;
  /** Receives the errors that are answered with the status 500 or 503. Errors that it throws are ignored. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Creates a handler for the Upstash REST protocol in front of any Redis port. Use it for local development, or for edge functions with a
 * self-hosted Redis or Valkey. `/multi-exec` needs a port with `transaction`.
 * @throws {OptionError} There is no token, a token does not fit into a header, or a limit is below 1.
 * @example
 * const gateway = createGateway(ioredis(client), { tokens: [token] });
 * export const POST = (request: Request) => gateway(request);
 */
export function createGateway(redis: Redis, options: GatewayOptions): Gateway {
  checkPort(redis, options);
  const { maxBody = 10 * 1024 * 1024, maxCommands = 10_000, onError = () => {} } = options;
  const authenticate = createAuthenticator(options.tokens);
  const context = {
    redis,
    translate: createScriptTranslator(),
    maxBody: checkCount("maxBody", maxBody),
    maxCommands: checkCount("maxCommands", maxCommands),
  };
  checkFunction("onError", onError);
  let responseCount = 0;

  async function handle(request: Request): Promise<JsonResponse> {
    if (!allowedMethods.has(request.method)) throw new Refusal(405, "ERR method not allowed");
    const { pathname, search } = new URL(request.url);
    const access = await authenticate(request.headers.get("authorization"), parseToken(search));
    if (!access) throw new Refusal(401, "WRONGPASS invalid or missing auth token");
    checkFormat(request.headers);
    return findHandler(pathname, request.method)({ ...context, request, pathname, search, access });
  }

  return async (request) => {
    const response = await handle(request).catch((error: unknown) => toErrorResponse(error, onError));
    responseCount += 1;
    return toResponse(request, response, responseCount);
  };
}

const allowedMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "POST", "PUT"]);
