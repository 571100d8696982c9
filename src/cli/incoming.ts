import type { IncomingMessage, ServerResponse } from "node:http";
import { join } from "../gateway/bytes.ts";
import type { Inquiry } from "../gateway/inquiry.ts";

/** Makes an inquiry of a request of Node. Its path is literal: `..` and `.` are arguments as any others. */
export function inquiryOf(incoming: IncomingMessage, outgoing: ServerResponse): Inquiry {
  return new IncomingInquiry(incoming, outgoing);
}

/** A class, since a getter in an object of its own costs as much as the rest of it. */
class IncomingInquiry implements Inquiry {
  readonly method: string;
  readonly target: string;
  readonly header: Inquiry["header"];
  readonly read: Inquiry["read"];
  readonly #outgoing: ServerResponse;
  #controller: AbortController | undefined;

  constructor(incoming: IncomingMessage, outgoing: ServerResponse) {
    this.method = incoming.method ?? "GET";
    this.target = targetOf(incoming.url ?? "/");
    this.header = (name) => incoming.headers[name]?.toString() ?? null;
    this.read = (limit) => readIncoming(incoming, limit);
    this.#outgoing = outgoing;
  }

  get signal(): AbortSignal {
    this.#controller ??= abortOnClose(this.#outgoing);
    return this.#controller.signal;
  }
}

/** A client of a proxy sends the whole URL. */
function targetOf(url: string): string {
  const target = url.replace(/^https?:\/\/[^/?]*/i, "");
  return target.startsWith("/") ? target : `/${target}`;
}

function abortOnClose(outgoing: ServerResponse): AbortController {
  const controller = new AbortController();
  const end = () => {
    if (!outgoing.writableFinished) controller.abort();
  };
  if (outgoing.closed) end();
  outgoing.once("close", end);
  return controller;
}

/** Reads a body to its end, or stops as soon as it has more bytes than the limit. */
function readIncoming(incoming: IncomingMessage, limit: number): Promise<Uint8Array | null> {
  if (incoming.complete && incoming.readableLength === 0) return Promise.resolve(new Uint8Array());
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const take = (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= limit) return;
      incoming.off("data", take);
      incoming.pause();
      resolve(null);
    };
    incoming.on("data", take);
    incoming.on("end", () => resolve(join(chunks, size)));
    incoming.on("error", reject);
    incoming.on("close", () => {
      if (!incoming.complete) reject(new Error("The client closed the connection"));
    });
  });
}

/** What a client may still send of a body that is not wanted, so that it gets to read the answer. */
const drained = 1_048_576;

/** Ends an upload that is answered before its end: it is read on for a second and a megabyte, then cut. */
export function endUpload(incoming: IncomingMessage): void {
  if (incoming.complete) return;
  let left = drained;
  incoming.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) incoming.pause();
  });
  incoming.resume();
  incoming.on("error", () => {});
  const cut = setTimeout(() => incoming.destroy(), 1_000);
  incoming.once("close", () => clearTimeout(cut));
}
