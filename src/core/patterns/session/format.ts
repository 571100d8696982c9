import type { Reply } from "../../port/redis.ts";
import { text } from "../../port/reply.ts";

/** A session as Redis holds it. Instants are the server's, in milliseconds since 1970. */
export interface Snapshot {
  readonly now: number;
  readonly version: number;
  readonly createdAt: number;
  readonly seenAt: number;
  readonly endsAt: number;
  readonly idle: number;
  readonly authenticatedAt: number;
  readonly rotatedAt: number;
  /** Whether it lives by the limits of `remember`. */
  readonly remembered: boolean;
  readonly user: string | null;
  readonly ip: string | null;
  readonly userAgent: string | null;
  /** Its head, then `:name`, value, `:name`, value, as encoded. */
  readonly lines: readonly string[];
}

/** Decodes the reply of `snapshot()` in Lua; `null` is a session that is none. */
export function snapshot(reply: Reply): Snapshot | null {
  if (reply === null) return null;
  const lines = text(reply).split("\n");
  const { numbers, user, ip, userAgent } = headOf(lines[0] ?? "");
  const [
    second = 0,
    microsecond = 0,
    seenAt = 0,
    version = 0,
    endsAt = 0,
    idle = 0,
    rotatedAt = 0,
    authenticatedAt = 0,
  ] = numbers;
  const [remembered, createdAt = 0] = numbers.slice(8);
  const now = second * 1_000 + Math.floor(microsecond / 1_000);
  const instants = { now, createdAt, seenAt, endsAt, authenticatedAt, rotatedAt };
  return { ...instants, version, idle, remembered: remembered === 1, user, ip, userAgent, lines };
}

/** A record's numbers, and the JSON at its end: who it is and where. */
export function headOf(head: string) {
  const json = head.indexOf("[");
  const [user = null, ip = null, userAgent = null]: (string | null)[] = JSON.parse(head.slice(json));
  return { numbers: head.slice(0, json).split(" ").map(Number), user, ip, userAgent };
}

/** Puts any text into one line: the escape is a character that JSON never holds. */
export function toLine(text: string): string {
  return text.replaceAll("\u0001", "\u00011").replaceAll("\n", "\u00010");
}

export function fromLine(line: string): string {
  return line.includes("\u0001") ? line.replaceAll("\u00010", "\n").replaceAll("\u00011", "\u0001") : line;
}
