import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { OptionError } from "../../core/errors.ts";
import { checkOptions } from "../../core/check.ts";
import type { Engine } from "./engine-types.ts";

/** Options of `listen`. */
export interface ListenOptions {
  /**
   * The TCP port. 0 picks a free one.
   * @default 0
   */
  readonly port?: number;
}

/** A TCP port on which clients of Redis find the engine. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  /** Such as `redis://127.0.0.1:6379`. */
  readonly url: string;
  /** Ends all connections. */
  close(): Promise<void>;
}

/** The engine knows no passwords, so nobody else may reach it. */
const host = "127.0.0.1";

/**
 * Serves an engine to clients of Redis.
 * @throws {OptionError} The port is no port.
 * @throws {Error} The port is in use.
 */
export async function listen(engine: Engine, options?: ListenOptions): Promise<Listening> {
  const { port = 0 } = checkOptions(options, "{ port: 6379 }") ?? {};
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new OptionError("`port` must be a whole number from 0 to 65535; 0 picks a free one");
  }
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    serve(engine, socket);
  });
  server.listen(port, host);
  await once(server, "listening");
  const bound = portOf(server);
  return {
    host,
    port: bound,
    url: `redis://${host}:${bound}`,
    close: () => close(server, sockets),
  };
}

function serve({ module, state, executor }: Engine, socket: Socket): void {
  // A client that breaks off is no fault.
  socket.on("error", () => {});
  const { session } = module.attachSession(new module.SocketConnectionTransport(socket), {
    state,
    executor,
    clientAddress: `${socket.remoteAddress}:${socket.remotePort}`,
  });
  // Else a blocked command of a client that has left would take what comes next.
  socket.once("close", () => session.close());
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

async function close(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}
