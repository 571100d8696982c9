import type { Reply } from "../../../port/redis.ts";
import { text } from "../../../port/reply.ts";
import { type HeadPart, headText, parts, places, type Who } from "./head.ts";

/** A decoded head. A part that is no number is `NaN`, but for the last one. */
export interface Head extends Readonly<Record<HeadPart, number>> {
  readonly user: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** @param from The part with which the text begins; the parts before it are not decoded, and hold nonsense. */
export function parseHead(text: string, from: HeadPart): Head {
  const json = text.indexOf("[");
  const [user, ip, userAgent]: Who = JSON.parse(text.slice(json));
  const head = { ...places, user, ip, userAgent };
  let place = places[from];
  for (const word of text.slice(0, json - 1).split(" ")) {
    head[parts[place] ?? from] = Number(word);
    place += 1;
  }
  return head;
}

/** A session as it is in Redis. */
export interface Snapshot extends Head {
  /** The server's time. */
  readonly now: number;
  readonly seenAt: number;
  /** It grows with each write of data. */
  readonly version: number;
  /** `snapshotLine`, then the names and values of the data, as they are stored. */
  readonly lines: readonly string[];
}

/**
 * The Lua expression of a snapshot's first line. It is a head, but has in the place of the first four parts, which no client needs, the
 * seconds and microseconds of the server's time, when the session was seen, and its version.
 */
export const snapshotLine = headText(
  { digest: "clock[1]", epoch: "clock[2]", generation: "record.t", number: 'string.match(record.w, "^%d+")' },
  "rotatedAt",
  "rest",
);

/** @returns `null` where there is no session. */
export function decodeSnapshot(reply: Reply): Snapshot | null {
  if (reply === null) return null;
  const lines = text(reply).split("\n");
  const head = parseHead(lines[0] ?? "", "digest");
  const { digest: second, epoch: microsecond, generation: seenAt, number: version } = head;
  return { ...head, now: second * 1_000 + Math.floor(microsecond / 1_000), seenAt, version, lines };
}
