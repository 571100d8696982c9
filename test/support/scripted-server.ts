import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";

/** A request as the server got it. */
export interface Seen {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** Answers one request, well or badly. */
export type Answer = (response: ServerResponse, seen: Seen, request: IncomingMessage) => void;

/** An HTTP server that does what the test says, one answer per request; the last one goes on. */
export interface ScriptedServer {
  readonly url: string;
  readonly seen: Seen[];
  /** How many requests their client gave up before they were answered. */
  readonly abandoned: number;
  answer(...answers: Answer[]): void;
  stop(): Promise<void>;
}

export async function startScriptedServer(): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  let answers: Answer[] = [];
  let abandoned = 0;
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const body: unknown = JSON.parse(await text(request));
    const got = { path: request.url ?? "", headers: request.headers, body };
    seen.push(got);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(response, got, request);
  };
  const server = createServer((request, response) => {
    response.on("close", () => {
      if (!response.writableEnded) abandoned += 1;
    });
    void handle(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    seen,
    get abandoned() {
      return abandoned;
    },
    answer: (...next) => {
      answers = next;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** Answers with this status and body. */
export function status(code: number, body: string, headers: Record<string, string> = {}): Answer {
  return (response) => response.writeHead(code, headers).end(body);
}

/** Answers as the protocol wants: each command is echoed, its words joined by spaces. */
export const echo: Answer = (response, { body }) => {
  const commands = body as string[] | string[][];
  const list = Array.isArray(commands[0]);
  const item = (command: unknown) => ({ result: base64((command as string[]).join(" ")) });
  response.end(JSON.stringify(list ? commands.map(item) : item(commands)));
};

/** Reads the request and cuts the connection instead of an answer. */
export const cut: Answer = (_, __, request) => void request.socket.destroy();

/** Cuts the connection in the middle of the answer. */
export const cutHalfway: Answer = (response, __, request) => {
  response.writeHead(200, { "content-length": 1_000 });
  response.write('{"result":', () => request.socket.destroy());
};

/** Never answers. */
export const silence: Answer = () => {};

export function base64(value: string): string {
  return Buffer.from(value).toString("base64");
}
