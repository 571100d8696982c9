import { afterAbort } from "../../../abort.ts";
import { OptionError } from "../../../errors.ts";
import { readLog } from "../../../log/follow.ts";
import { logPlace } from "../../../log/format.ts";
import { isPolling } from "../../../log/polling.ts";
import { createLogReader, type LogReader } from "../../../log/reader.ts";
import type { Redis } from "../../../port/redis.ts";
import { isAbove, lastIdBefore } from "../../../stream-id.ts";
import { texts } from "../../../port/reply.ts";
import { type ChannelContext, foreignMessage, type Listening, type ListenRequest, report } from "../context.ts";
import { type ChannelPattern, globOf, nameOf } from "../pattern.ts";

/** The most channels of one pattern whose place is remembered. */
const mostReaders = 10_000;

/** How many logs are read at once after a lost connection. */
const atOnce = 16;

/** The readers of the channels that were heard of. The one that was heard last is at the end. */
interface Readers {
  readonly byName: Map<string, LogReader>;
  /** What a channel that is heard for the first time is read from. */
  since: string;
}

/**
 * Follows all channels that match. One that is heard of for the first time is read from the instant of the subscription on, so that nothing is
 * missing before its first message.
 */
export async function listenToPattern(
  context: ChannelContext,
  pattern: ChannelPattern,
  request: ListenRequest,
): Promise<Listening> {
  const { subscriber, start, check, signal } = request;
  if (isPolling(subscriber)) throw new OptionError("`matching` needs a subscriber: polling reads channels by name");
  if (start.at !== "now" || check > 0) throw new OptionError("`from` and `check` need names, not `matching`");
  const readers: Readers = { byName: new Map(), since: await serverInstant(context.redis, signal) };
  const unsubscribe = await subscriber.psubscribe(
    globOf(context.namespace, pattern),
    (message, channel) => readerOf(context, readers, request, nameOf(context.namespace, channel)).receive(message),
    {
      signal,
      onReconnect() {
        void catchUpAll([...readers.byName.values()]);
        request.onReconnect(pattern.pattern);
      },
    },
  );
  return {
    resume: () => readers.byName.forEach((reader) => reader.resume()),
    ended: afterAbort(signal, unsubscribe),
  };
}

/** An id that is below those of this millisecond of the server's clock. */
async function serverInstant(redis: Redis, signal: AbortSignal): Promise<string> {
  const [seconds = "0", microseconds = "0"] = texts(await redis.send(["TIME"], { signal, idempotent: true }));
  return lastIdBefore(Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000));
}

function readerOf(context: ChannelContext, readers: Readers, request: ListenRequest, name: string): LogReader {
  const known = readers.byName.get(name);
  const reader = known ?? createReader(context, request, name);
  // `since` reads nothing.
  if (!known) void reader.start({ at: "since", id: readers.since });
  readers.byName.delete(name);
  readers.byName.set(name, reader);
  if (readers.byName.size > mostReaders) forgetOldest(readers);
  return reader;
}

function createReader(context: ChannelContext, request: ListenRequest, name: string): LogReader {
  const { signal, receive, onGap, ready } = request;
  const { redis, namespace } = context;
  const place = logPlace(namespace, name);
  return createLogReader({
    signal,
    ready,
    read: (from) => readLog(redis, place, from, { signal }),
    deliver: ({ id, data }) => receive(name, data, id),
    onGap: ({ from, to }) => onGap({ name, from, to }),
    onForeign: () => report(context, "message-refused", name, foreignMessage()),
    onError: (error) => report(context, "read-failed", name, error),
  });
}

/**
 * Forgets the channel that was heard of longest ago and of which nothing is missing. All that is heard of for the first time begins after what was
 * seen there, so that nothing of it comes twice.
 */
function forgetOldest(readers: Readers): void {
  for (const [name, reader] of readers.byName) {
    const position = reader.position();
    if (position === null) continue;
    if (isAbove(position, readers.since)) readers.since = position;
    readers.byName.delete(name);
    return;
  }
}

async function catchUpAll(readers: LogReader[]): Promise<void> {
  const work = async () => {
    for (let reader = readers.pop(); reader; reader = readers.pop()) await reader.catchUp();
  };
  await Promise.all(Array.from({ length: atOnce }, work));
}
