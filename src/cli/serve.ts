import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { Redis } from "../core/redis.ts";
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
    errorHandler: unreadable,
  });
  const server = createServer((request, response) => void listener(request, response));
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
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), grace);
  await closed.finally(() => clearTimeout(timer));
}

/** What no Request could be made of, such as one with a malformed Host header. */
function unreadable(): Response {
  return Response.json({ error: "ERR the request could not be read" }, { status: 400 });
}
