import { once } from "node:events";
import { createConnection, type Socket } from "node:net";

/** A bare connection to the server at the URL. */
export async function open(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = createConnection(Number(port), hostname);
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket;
}
