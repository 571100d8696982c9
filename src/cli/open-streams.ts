import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { StreamResponse } from "../gateway/response.ts";
import type { Outbox } from "../gateway/streams/outbox.ts";

/** The time that a reader has for the rest of a stream that has ended, in milliseconds. Then its connection is cut. */
const grace = 10_000;

/** The streams of one server. */
interface OpenStreams {
  /** Sends the events as they come, and no faster than the client reads them. */
  send(response: StreamResponse, headers: OutgoingHttpHeaders, outgoing: ServerResponse): Promise<void>;
  /** Ends all streams, and at once those that begin later. */
  end(): void;
}

export function createOpenStreams(): OpenStreams {
  const open = new Set<Outbox>();
  let ended = false;
  return {
    async send({ status, outbox }, headers, outgoing) {
      outgoing.writeHead(status, headers);
      if (outbox) {
        open.add(outbox);
        outbox.onEnd(() => {
          open.delete(outbox);
          cutLater(outgoing);
        });
        leaveWithSocket(outbox, outgoing);
        if (ended) outbox.end();
        await write(outbox, outgoing);
      }
      outgoing.end();
    },
    end() {
      ended = true;
      for (const outbox of open) outbox.end();
    },
  };
}

/** In Node 20 a response that waits behind another one on its connection does not hear that its client has left. */
function leaveWithSocket(outbox: Outbox, { req }: ServerResponse): void {
  const leave = () => outbox.cancel();
  if (req.socket.destroyed) return leave();
  req.socket.on("close", leave);
  outbox.onEnd(() => req.socket.off("close", leave));
}

async function write(outbox: Outbox, outgoing: ServerResponse): Promise<void> {
  // What is written to a client that has just left is an error, which only says so. The signal of the request then ends the outbox.
  outgoing.on("error", () => {});
  for (let piece = await outbox.read(); piece && !outgoing.closed; piece = await outbox.read()) {
    if (!outgoing.write(piece)) await drained(outgoing);
  }
}

function drained(outgoing: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      for (const event of ["drain", "close"]) outgoing.off(event, go);
      resolve();
    };
    for (const event of ["drain", "close"]) outgoing.on(event, go);
  });
}

/** A reader that has stopped to read must not hold its connection for ever. */
function cutLater(outgoing: ServerResponse): void {
  if (outgoing.closed) return;
  const cut = setTimeout(() => outgoing.destroy(), grace);
  cut.unref();
  outgoing.once("close", () => clearTimeout(cut));
}
