import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";

/** One request for messages, as the server got it. */
export interface Asked {
  readonly path: string;
  readonly word: string;
  readonly names: readonly string[];
  readonly headers: IncomingHttpHeaders;
  readonly response: ServerResponse;
  /** Whether its client has left, or its answer has ended. */
  readonly over: boolean;
  /** Sends the headers. */
  begin(headers?: Record<string, string>): void;
  /** Confirms channels, by default all that were asked for. */
  confirm(names?: readonly string[]): void;
  /** Publishes on a channel that it asked for, or on one that matches a pattern that it asked for. */
  publish(name: string, message: string, from?: string): void;
  send(raw: string | Uint8Array): void;
  end(): void;
  /** Cuts the connection. */
  cut(): void;
}

/** Answers one request, well or badly. */
export type StreamAnswer = (asked: Asked) => void;

/** A server of event streams that does what the test says: one answer per request; the last one goes on. */
export interface StreamServer {
  readonly url: string;
  /** All requests so far. */
  readonly asked: Asked[];
  /** Those that are still open. */
  open(): readonly Asked[];
  answer(...answers: StreamAnswer[]): void;
  stop(): Promise<void>;
}

/** Confirms everything, as the hosted service does: without heartbeats. */
export const welcome: StreamAnswer = (asked) => {
  asked.begin();
  asked.confirm();
};

/** As our gateway does: says how often its heartbeats come. Whether they come is for the test. */
export function promiseHeartbeat(interval: number): StreamAnswer {
  return (asked) => {
    asked.begin({ "Redis-Patterns-Heartbeat": String(interval) });
    asked.confirm();
  };
}

/** Answers with this status and body, and no stream. */
export function refuse(status: number, body: string): StreamAnswer {
  return ({ response }) => response.writeHead(status).end(body);
}

/** Never answers. */
export const silent: StreamAnswer = () => {};

/** Confirms, and ends the stream. */
export const endAtOnce: StreamAnswer = (asked) => {
  welcome(asked);
  asked.end();
};

export async function startStreamServer(): Promise<StreamServer> {
  const asked: Asked[] = [];
  let answers: StreamAnswer[] = [welcome];
  const server = createServer((request, response) => {
    const seen = toAsked(request.url ?? "", request.headers, response);
    asked.push(seen);
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    answer?.(seen);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    asked,
    open: () => asked.filter(({ over }) => !over),
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

function toAsked(path: string, headers: IncomingHttpHeaders, response: ServerResponse): Asked {
  const [word = "", ...names] = path.slice(1).split("/").map(decodeURIComponent);
  let over = false;
  response.on("close", () => {
    over = true;
  });
  const send = (raw: string | Uint8Array) => void response.write(raw);
  // As servers do: each line of a text becomes a line of the event.
  const sendEvent = (text: string) => send(`data: ${text.replaceAll("\n", "\ndata: ")}\n\n`);
  return {
    path,
    word,
    names,
    headers,
    response,
    get over() {
      return over;
    },
    begin(more = {}) {
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache", ...more });
      response.flushHeaders();
    },
    confirm: (some = names) => some.forEach((name, i) => sendEvent(`${word},${name},${i + 1}`)),
    publish: (name, message, from) =>
      sendEvent(word === "subscribe" ? `message,${name},${message}` : `pmessage,${name},${from},${message}`),
    send,
    end: () => void response.end(),
    cut: () => void response.destroy(),
  };
}
