import { OptionError } from "../../../errors.ts";
import { type ChannelContext, report } from "../context.ts";
import type { ChannelMessage, ChannelMessagesOptions, Channels } from "../options.ts";
import { createNotes, firstOf, type Notes } from "./notes.ts";
import { comment, writeBlock } from "./stream-block.ts";

/** What the browser gets of one message. */
export interface BrowserEvent {
  /**
   * The name that a page listens to by `addEventListener`.
   * @default "message"
   */
  readonly event?: string | undefined;
  /** It is sent as JSON. */
  readonly data: unknown;
}

/** What one stream is made of. */
export interface ChannelStream<Message> {
  readonly context: ChannelContext;
  readonly channels: Channels<Message>;
  readonly name: string;
  /** The last id that the browser has seen; `null` is none of this channel's. */
  readonly seen: string | null | undefined;
  readonly from: "now" | "beginning";
  readonly toEvent: (message: ChannelMessage<Message>) => BrowserEvent | undefined;
  readonly buffer: number;
  readonly heartbeat: number;
  readonly retry: number;
}

/** Says all that the browser is told, in order. It ends when `signal` aborts, and when Redis fails: the browser then connects again. */
export async function* sayChannel<Message>(
  stream: ChannelStream<Message>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  yield writeBlock({ retry: stream.retry });
  try {
    yield* sayMessages(stream, signal);
  } catch (error) {
    if (!signal.aborted) report(stream.context, "stream-failed", stream.name, error);
  }
}

async function* sayMessages<Message>(stream: ChannelStream<Message>, signal: AbortSignal): AsyncGenerator<string> {
  const { channels, name, buffer, heartbeat } = stream;
  const notes = createNotes();
  const messages = channels.messages(name, { signal, buffer, ...positionOf(stream, notes) });
  for (;;) {
    const next = messages.next();
    // Nobody waits for it while the browser takes what is said before it.
    next.catch(() => {});
    let came = await firstOf(next, notes, heartbeat);
    for (; !came; came = await firstOf(next, notes, heartbeat)) yield notes.take() || comment;
    const before = notes.take();
    if (before) yield before;
    if (came.done) return;
    yield blockOf(stream, came.value);
  }
}

/** Where a resumable channel begins, and what of that the browser is told. Others have no position. */
function positionOf<Message>({ context, seen, from }: ChannelStream<Message>, notes: Notes): ChannelMessagesOptions {
  if (context.delivery !== "resumable") return {};
  return {
    from: seen ?? from,
    // A browser that hears nothing and connects again must be able to say from where. The beginning it finds without an id.
    onStart({ id }) {
      if (seen === null) notes.add(gapBlock({ from: null, to: id }));
      else if (seen === undefined && from === "now") notes.add(writeBlock({ id }));
    },
    onGap: (gap) => notes.add(gapBlock(gap)),
  };
}

/** The beginning of a history is no place to come back to: all of it would be said once more. */
function gapBlock({ from, to }: { readonly from: string | null; readonly to: string }): string {
  return writeBlock({ event: "gap", id: to === "0-0" ? undefined : to, data: JSON.stringify({ from, to }) });
}

function blockOf<Message>(stream: ChannelStream<Message>, message: ChannelMessage<Message>): string {
  const { id } = message;
  try {
    const chosen = stream.toEvent(message);
    if (chosen) return writeBlock({ id, event: checkEvent(chosen.event), data: JSON.stringify(chosen.data) ?? "null" });
  } catch (error) {
    report(stream.context, "listener-failed", stream.name, error);
  }
  return id === undefined ? comment : writeBlock({ id });
}

/** These mean something else to an `EventSource`, and a line break would end the field. */
function checkEvent(event: string | undefined): string | undefined {
  if (event === undefined || /^(?!(?:error|gap|open)$)[^\r\n\0]+$/.test(event)) return event;
  throw new OptionError("`event` of `toEvent` must be one line, and none of error, gap, open");
}
