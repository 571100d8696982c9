import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Redis } from "../core/port/redis.ts";
import { createAnswerer } from "../gateway/answerer.ts";
import type { GatewayOptions } from "../gateway/index.ts";
import { corsHeaders, isPreflight, preflightHeaders } from "./cors.ts";
import { endUpload, inquiryOf } from "./incoming.ts";
import { createOpenStreams } from "./open-streams.ts";

/** Options of `serveGateway`. */
export interface ServeOptions extends GatewayOptions {
  /**
   * The TCP port. 0 picks a free one.
   * @default 0
   */
  readonly port?: number;
  /**
   * The address to listen on.
   * @default "127.0.0.1"
   */
  readonly host?: string;
  /**
   * The origins of pages that may read answers, or `*` for all.
   * @default none
   */
  readonly corsOrigins?: readonly string[];
  /** Commands that are refused although they are on the gateway's list. The set may change later. */
  readonly missing?: ReadonlySet<string>;
}

/** A gateway that listens on a TCP port. */
export interface GatewayServer {
  /** The URL for clients, without a slash at the end. */
  readonly url: string;
  /** Answers the requests that have begun, ends the streams, then stops. Connections that are still open after `grace` milliseconds are cut. */
  close(grace?: number): Promise<void>;
}

/** Starts an HTTP server of Node for the gateway. */
export async function serveGateway(redis: Redis, options: ServeOptions): Promise<GatewayServer> {
  const { port = 0, host = "127.0.0.1", corsOrigins = [], missing, ...rest } = options;
  const answer = createAnswerer(redis, rest, missing);
  const streams = createOpenStreams();

  async function respond(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    if (isPreflight(corsOrigins, incoming)) {
      return void outgoing.writeHead(204, preflightHeaders(corsOrigins, incoming)).end();
    }
    const answered = await answer(inquiryOf(incoming, outgoing));
    endUpload(incoming);
    const headers = { ...answered.headers, ...corsHeaders(corsOrigins, incoming) };
    if (!("json" in answered)) return streams.send(answered, headers, outgoing);
    outgoing.writeHead(answered.status, { ...headers, "Content-Length": Buffer.byteLength(answered.json) });
    outgoing.end(answered.json);
  }

  const server = createServer(serverLimits, (incoming, outgoing) => {
    const { host = " " } = incoming.headers;
    if (!/^[\w.:[\]-]*$/.test(host)) return refuseRequest(outgoing);
    respond(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.on("clientError", refuseSocket);
  server.listen(port, host);
  await once(server, "listening");
  return { url: urlOf(server, host), close: (grace = 5_000) => close(server, streams.end, grace) };
}

function urlOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

async function close(server: Server, endStreams: () => void, grace: number): Promise<void> {
  const closed = once(server, "close");
  server.close();
  endStreams();
  // A connection that its client keeps open is closed as soon as its request is answered.
  const sweep = setInterval(() => server.closeIdleConnections(), 20);
  const cut = setTimeout(() => server.closeAllConnections(), grace);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}

/** A path may contain a value, so it may be longer than Node's 16 kB. A command that is longer still goes into the body. */
const serverLimits = { maxHeaderSize: 65_536, requestTimeout: 60_000, requireHostHeader: false };

/** Answers a request without a Host header, or with a malformed one. */
function refuseRequest(outgoing: ServerResponse): void {
  const json = '{"error":"ERR the request could not be read"}';
  outgoing.writeHead(400, { "Content-Type": "application/json", "Content-Length": json.length, Connection: "close" });
  outgoing.end(json);
}

/** Answers what is not HTTP, or headers that are too long or too slow. Node gives the bare socket for these. */
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
