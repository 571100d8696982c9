import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** The least that answers a command in JSON: node:http, JSON.parse, and a reply that is always the same. */
export async function startEcho(
  answer: (body: unknown) => unknown = () => [0, 99_999, 86_400_000],
): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((incoming, outgoing) => {
    const parts: Buffer[] = [];
    incoming.on("data", (part: Buffer) => parts.push(part));
    incoming.on("end", () => void reply(incoming, outgoing, Buffer.concat(parts).toString()));
  });
  const reply = async (_: IncomingMessage, outgoing: ServerResponse, text: string) => {
    const result = answer(JSON.parse(text));
    // A promise only where it has to be one: the others do not wait for a turn.
    const json = JSON.stringify({ result: result instanceof Promise ? await result : result });
    outgoing.writeHead(200, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(json) });
    outgoing.end(json);
  };
  // A client that pauses for others' turns would find its connections closed.
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, close };
}
