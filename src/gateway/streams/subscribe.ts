import { toStrictText } from "../bytes.ts";
import type { Handler } from "../call.ts";
import { parsePath, parseQuery } from "../path.ts";
import { noPermissionError } from "../refusals.ts";
import { Refusal } from "../response.ts";
import type { StreamWord } from "./listen.ts";
import type { Streams } from "./streams.ts";

/** The longest name of a channel, in bytes: that of a key of the hosted service. */
const maxName = 32_768;

/** Answers `/subscribe/channel/…` or `/psubscribe/pattern/…` by a stream. The body is ignored, as in the protocol. */
export function streamHandler(word: StreamWord, streams: Streams): Handler {
  return async ({ access, inquiry, pathname, search }) => {
    // As in Redis, where SUBSCRIBE is not in the category @read.
    if (access.readOnly) throw noPermissionError(word);
    const names = namesIn(pathname, search, streams.maxChannels);
    const isHead = inquiry.method === "HEAD";
    const outbox = isHead ? null : await streams.open(word, names, access, inquiry.signal);
    return { status: 200, outbox, heartbeat: streams.heartbeat };
  };
}

/** The names of the channels or patterns, each once. */
function namesIn(pathname: string, search: string, maxChannels: number): readonly string[] {
  const names = [...new Set(parsePath(pathname).slice(1))];
  if (names.length === 0 || names.includes("")) {
    throw new Refusal(400, "ERR name a channel after each slash: /subscribe/news, or /subscribe/news/sport for two");
  }
  if (parseQuery(search).length > 0)
    throw new Refusal(400, "ERR a stream has no options; in a channel, write ? as %3F");
  if (names.length > maxChannels) throw new Refusal(400, `ERR too many channels in one stream. Limit: ${maxChannels}`);
  if (names.some(({ length }) => length > maxName)) {
    throw new Refusal(400, `ERR max channel size exceeded. Limit: ${maxName} bytes`);
  }
  return names.map(textOf);
}

function textOf(name: string): string {
  try {
    return toStrictText(name);
  } catch (cause) {
    throw new Refusal(400, "ERR the name of a channel must be text in UTF-8", { cause });
  }
}
