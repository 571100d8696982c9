import { once } from "node:events";
import { connect, type Socket } from "node:net";

/**
 * A client that costs next to nothing, so that the server is what is measured: one connection, whose requests were written beforehand,
 * and which reads no more of an answer than where it ends.
 */
export interface Connection {
  /** Sends a request and waits for the whole answer. */
  ask(request: Buffer): Promise<void>;
  close(): void;
}

export async function openConnection({ hostname, port }: URL): Promise<Connection> {
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, "connect");
  const waiting: { resolve(): void; reject(error: Error): void }[] = [];
  const fail = (error: Error) => waiting.splice(0).forEach(({ reject }) => reject(error));
  socket.on("error", fail).on("close", () => fail(new Error("The server closed the connection")));
  readAnswers(socket, (status) => {
    if (status === "200") waiting.shift()?.resolve();
    else fail(new Error(`The server answered with status ${status}`));
  });
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        socket.write(request);
      }),
    close: () => socket.destroy(),
  };
}

/** A POST of one command, as @upstash/redis sends it. */
export function requestOf({ host }: URL, token: string, command: readonly (string | number)[]): Buffer {
  const body = JSON.stringify(command);
  const lines = [
    "POST / HTTP/1.1",
    `Host: ${host}`,
    `Authorization: Bearer ${token}`,
    "Content-Type: application/json",
    "Upstash-Encoding: base64",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: keep-alive",
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

function readAnswers(socket: Socket, answered: (status: string) => void): void {
  let text = "";
  socket.setEncoding("latin1").on("data", (part: string) => {
    text += part;
    for (let end = endOfAnswer(text); end > 0 && end <= text.length; end = endOfAnswer(text)) {
      const status = text.slice(9, 12);
      text = text.slice(end);
      answered(status);
    }
  });
}

/** Where the first answer ends, which may be further than what has come; 0 while that cannot be known. */
function endOfAnswer(text: string): number {
  const head = text.indexOf("\r\n\r\n");
  if (head === -1) return 0;
  const [, length] = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head)) ?? [];
  if (length !== undefined) return head + 4 + Number(length);
  // In chunks, the last of which is empty.
  const last = text.indexOf("\r\n0\r\n\r\n", head);
  return last === -1 ? 0 : last + 7;
}
