import { ConnectionError } from "../../core/errors.ts";
import { deliver } from "../../core/port/subscriptions.ts";
import { type Channel, confirm, tellGaps } from "./channels.ts";
import type { ServerEvent } from "./event-stream.ts";
import { readFrame } from "./frame.ts";
import type { Stream, StreamContext } from "./streams.ts";

/** One request of a stream. */
export interface Listening {
  readonly context: StreamContext;
  readonly stream: Stream;
  readonly asked: ReadonlyMap<string, Channel>;
  readonly signal: AbortSignal;
  /** Ends the request. The first call counts; without an error, it is made again at once. */
  end(error?: unknown, refused?: boolean): void;
}

/**
 * Creates what takes the events of one request.
 * @param onOpen Called once all of its channels are confirmed.
 */
export function createHearing(listening: Listening, onOpen: () => void): (event: ServerEvent) => void {
  const { context, stream, asked, signal, end } = listening;
  const longest = Math.max(...Array.from(asked.keys(), ({ length }) => length));
  let missing = asked.size;
  const onConfirmation = (channel: Channel) => {
    // A request that was ended is made again, and confirms the channel then.
    if (signal.aborted) return;
    const isFirst = !channel.open;
    confirm(channel);
    missing -= Number(isFirst);
    if (isFirst && missing === 0 && !signal.aborted) onOpen();
  };
  return (event) => {
    if (event.type === "dropped")
      end(new ConnectionError("The gateway dropped a stream that was read too slowly", true));
    const frame = event.type === "" ? readFrame(event, stream.word, asked, longest) : null;
    if (!frame) return;
    const { channel, message } = frame;
    if (!message) return onConfirmation(channel);
    if (!event.oversize) return deliver(channel.subscriptions, message.text, message.from);
    context.report({ type: "skipped", channels: [channel.name] });
    tellGaps(channel);
  };
}
