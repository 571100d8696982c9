import type { Reply } from "../../../port/redis.ts";
import { text } from "../../../port/reply.ts";
import { versionOf } from "./fields.ts";
import { type HeadPart, headText, places } from "./head.ts";

/** What a client needs of a record's head. Instants are the server's, in milliseconds since 1970. */
export interface Head {
  readonly endsAt: number;
  readonly idle: number;
  readonly rotatedAt: number;
  readonly authenticatedAt: number;
  readonly remembered: boolean;
  readonly createdAt: number;
  readonly user: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/** @param from The part with which the text begins: `ends`, or one before it. */
export function parseHead(text: string, from: HeadPart): Head {
  const json = text.indexOf("[");
  const [user = null, ip = null, userAgent = null]: (string | null)[] = JSON.parse(text.slice(json));
  const words = text.slice(0, json).split(" ");
  const first = places[from];
  return {
    endsAt: Number(words[places.ends - first]),
    idle: Number(words[places.idle - first]),
    rotatedAt: Number(words[places.rotatedAt - first]),
    authenticatedAt: Number(words[places.authenticatedAt - first]),
    remembered: words[places.remembered - first] === "1",
    createdAt: Number(words[places.createdAt - first]),
    user,
    ip,
    userAgent,
  };
}

/** A session as Redis holds it. */
export interface Snapshot extends Head {
  readonly now: number;
  readonly seenAt: number;
  readonly version: number;
  /** The line of `snapshotLine`, then `:name`, value, `:name`, value, as encoded. */
  readonly lines: readonly string[];
}

/**
 * The Lua expression of a snapshot's first line: a head whose first four parts, which no client needs, leave their place to the
 * seconds and microseconds of the server's time, when the session was seen, and its version.
 */
export const snapshotLine = headText(
  { digest: "clock[1]", epoch: "clock[2]", generation: "record.t", number: versionOf },
  "rotatedAt",
);

/** @returns `null` where there is no session. */
export function decodeSnapshot(reply: Reply): Snapshot | null {
  if (reply === null) return null;
  const lines = text(reply).split("\n");
  const [line = ""] = lines;
  const [second = 0, microsecond = 0, seenAt = 0, version = 0] = line.split(" ", 4).map(Number);
  const now = second * 1_000 + Math.floor(microsecond / 1_000);
  return { ...parseHead(line, "digest"), now, seenAt, version, lines };
}
