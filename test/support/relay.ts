import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";

/** Where a server listens. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** A proxy on a free port of the loopback interface: each client has a connection of its own to the server behind it. */
export interface Relay {
  readonly host: string;
  readonly port: number;
  /** The connections on both sides. */
  readonly open: ReadonlySet<Socket>;
  stop(): Promise<void>;
}

/**
 * Starts a relay.
 * @param forward Passes on what both sides say.
 * @param serve Makes the server of the relay.
 */
export async function startRelay(
  { host, port }: Target,
  forward: (client: Socket, upstream: Socket) => void,
  serve: (accept: (client: Socket) => void) => Server = createServer,
): Promise<Relay> {
  const open = new Set<Socket>();
  const server = serve((client) => {
    const upstream = createConnection({ host, port });
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.setNoDelay(true);
      socket.on("close", () => open.delete(socket));
      socket.on("error", () => {});
    }
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    forward(client, upstream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    host: "127.0.0.1",
    port: typeof address === "object" && address ? address.port : 0,
    open,
    async stop() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
