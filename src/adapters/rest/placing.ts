import { OptionError } from "../../core/errors.ts";
import { type Channel, isUsed } from "./channels.ts";
import type { Stream, StreamContext } from "./streams.ts";

/** Some servers refuse a longer path, and our gateway more channels. A longer name has a request of its own. */
const longestPath = 8_000;
const mostChannels = 1_000;

/**
 * Chooses the stream that takes a new channel: one whose request has not left yet, else a new one. When there are as many as there may be,
 * the smallest is opened again with the channel, or two of them become one.
 * @throws {OptionError} No stream has room for it.
 */
export function placeChannel(context: StreamContext, channel: Channel, start: (stream: Stream) => unknown): void {
  const fitting = [...context.streams]
    .filter((stream) => stream.word === channel.word && fits(context, stream, [channel]))
    .sort((a, b) => a.channels.size - b.channels.size);
  const gathering = fitting.find(({ phase }) => phase === "gathering");
  const stream = gathering ?? (hasRoom(context) ? undefined : fitting[0]);
  if (stream) return add(stream, [channel]);
  if (!hasRoom(context) && !mergeTwo(context)) {
    throw new OptionError(
      `All \`maxRequests\` ${context.maxRequests} are full; raise it, or use fewer channels, shorter names or a pattern`,
    );
  }
  const fresh = createStream(channel);
  context.streams.add(fresh);
  start(fresh);
}

function hasRoom({ streams, maxRequests }: StreamContext): boolean {
  return streams.size < maxRequests;
}

function createStream(channel: Channel): Stream {
  return {
    word: channel.word,
    channels: new Set([channel]),
    asked: new Map(),
    phase: "gathering",
    unusedSince: Infinity,
    interrupt: () => {},
  };
}

/** A request that is open is made again. One under way is first answered, so that a row of new channels can't put it off for ever. */
function add(stream: Stream, channels: readonly Channel[]): void {
  for (const channel of channels) stream.channels.add(channel);
  if (stream.phase === "open") stream.interrupt();
  wake(stream);
}

/** Ends the pause before the next request, for somebody waits for it. */
export function wake(stream: Stream): void {
  if (stream.phase === "pausing") stream.interrupt();
}

/** Puts the channels of one stream into another. Returns `false` if no two of them can share. */
function mergeTwo(context: StreamContext): boolean {
  const streams = [...context.streams].sort((a, b) => a.channels.size - b.channels.size);
  for (const from of streams) {
    const channels = [...from.channels].filter(isUsed);
    const into = streams.find(
      (stream) => stream !== from && stream.word === from.word && fits(context, stream, channels),
    );
    if (into) return merge(context, from, into, channels);
  }
  return false;
}

function merge({ streams, channels }: StreamContext, from: Stream, into: Stream, used: readonly Channel[]): true {
  for (const channel of from.channels) if (!isUsed(channel)) channels[from.word].delete(channel.name);
  streams.delete(from);
  from.interrupt();
  add(into, used);
  return true;
}

function fits({ batch }: StreamContext, { channels }: Stream, more: readonly Channel[]): boolean {
  const all = [...channels, ...more].filter(isUsed);
  if (all.length > (batch ? mostChannels : 1)) return false;
  if (all.length > 1 && pathOf(all).length > longestPath) return false;
  return more.every(({ name }) => all.every((other) => other.name === name || isDistinct(other.name, name)));
}

/** Whether a text that begins with one of the names and a comma can't begin with the other. */
function isDistinct(a: string, b: string): boolean {
  return !`${a},`.startsWith(`${b},`) && !`${b},`.startsWith(`${a},`);
}

/** The names of channels as a path. */
export function pathOf(channels: Iterable<Channel>): string {
  return Array.from(channels, ({ part }) => `/${part}`).join("");
}
