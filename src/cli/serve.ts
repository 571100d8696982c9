import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Redis } from "../core/port/redis.ts";
import { createGateway, type GatewayOptions } from "../gateway/index.ts";

/** Where to listen, and for whom. */
export interface ServeOptions extends GatewayOptions {
  /**
   * The TCP port; 0 picks a free one.
   * @default 0
   */
  readonly port?: number;
  /**
   * The address to listen on.
   * @default "127.0.0.1"
   */
  readonly host?: string;
}

/** A gateway that listens. */
export interface GatewayServer {
  /** Where clients find it, without a slash at the end. */
  readonly url: string;
  /** Answers what has begun, then ends. Whatever still runs after `grace` milliseconds is cut. */
  close(grace?: number): Promise<void>;
}

/** Serves the gateway from Node. */
export async function serveGateway(redis: Redis, options: ServeOptions): Promise<GatewayServer> {
  const { port = 0, host = "127.0.0.1", ...rest } = options;
  // The program around keeps its own Request and Response.
  const listener = getRequestListener(createGateway(redis, rest), {
    overrideGlobalObjects: false,
    errorHandler: refuseRequest,
  });
  const server = createServer(serverLimits, (request, response) => void listener(request, response));
  server.on("clientError", refuseSocket);
  server.listen(port, host);
  await once(server, "listening");
  return { url: urlOf(server, host), close: (grace = 5_000) => close(server, grace) };
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

async function close(server: Server, grace: number): Promise<void> {
  const closed = once(server, "close");
  server.close();
  // Each connection ends once its request is answered, not when its client gets tired of keeping it.
  const sweep = setInterval(() => server.closeIdleConnections(), 20);
  const cut = setTimeout(() => server.closeAllConnections(), grace);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}

/** A path may hold a value, hence more room than Node's 16 kB; who needs still more puts the command into the body. */
const serverLimits = { maxHeaderSize: 65_536, requestTimeout: 60_000, requireHostHeader: false };

/** What no Request could be made of, such as one with a malformed Host header. */
function refuseRequest(): Response {
  return Response.json({ error: "ERR the request could not be read" }, { status: 400 });
}

/** What was no HTTP at all, or headers that are too long or too slow: Node gives the bare socket. */
function refuseSocket(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const status = statuses.get(error.code ?? "") ?? "400 Bad Request";
  const body = JSON.stringify({ error: `ERR the request could not be read: ${status}` });
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  socket.end(`${head}\r\n\r\n${body}`);
}

const statuses: ReadonlyMap<string, string> = new Map([
  ["HPE_HEADER_OVERFLOW", "431 Request Header Fields Too Large"],
  ["ERR_HTTP_REQUEST_TIMEOUT", "408 Request Timeout"],
]);
