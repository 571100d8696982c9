import type { Channel, Word } from "./channels.ts";
import type { ServerEvent } from "./event-stream.ts";

/** What an event says about a channel. */
export interface Frame {
  readonly channel: Channel;
  /** Absent if it confirms the channel. */
  readonly message?: Message;
}

interface Message {
  readonly text: string;
  readonly from: string;
}

/**
 * Reads `subscribe,name,1`, `message,name,text`, `psubscribe,pattern,1` or `pmessage,pattern,name,text`. Nothing says where a name ends. So
 * only the names that were asked for count, and none of these is the beginning of another up to a comma.
 * @param asked The channels that the request names.
 * @param longest The length of their longest name.
 */
export function readFrame(
  event: ServerEvent,
  word: Word,
  asked: ReadonlyMap<string, Channel>,
  longest: number,
): Frame | null {
  const { data, exact, oversize } = event;
  if (exact && !oversize) {
    const [kind = "", name = "", from = "", text = from] = JSON.parse(exact) as string[];
    return toFrame(word, kind, asked.get(name), { text, from: word === "subscribe" ? name : from });
  }
  const kind = data.slice(0, data.indexOf(","));
  const start = kind.length + 1;
  for (let end = start; end - start <= longest; end += 1) {
    end = data.indexOf(",", end);
    if (end < 0) return null;
    const channel = asked.get(data.slice(start, end));
    if (channel) return toFrame(word, kind, channel, readMessage(channel, data.slice(end + 1)));
  }
  return null;
}

function toFrame(word: Word, kind: string, channel: Channel | undefined, message: Message): Frame | null {
  if (!channel) return null;
  if (kind === word) return { channel };
  return kind === (word === "subscribe" ? "message" : "pmessage") ? { channel, message } : null;
}

/**
 * The name of the channel stands before a message of a pattern. It has as many commas as the pattern; if `*` stands for one more, that
 * is taken for the end of the name.
 */
function readMessage({ word, name }: Channel, rest: string): Message {
  if (word === "subscribe") return { text: rest, from: name };
  const parts = rest.split(",");
  const from = parts.splice(0, name.split(",").length).join(",");
  return { text: parts.join(","), from };
}
