import type { Reply } from "../redis.ts";
import { texts } from "../reply.ts";

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
  /** Name, value, name, value, as encoded. */
  readonly fields: readonly string[];
}

/** Decodes the reply of `snapshot()` in Lua; `null` is a session that is none. */
export function snapshot(reply: Reply): Snapshot | null {
  if (reply === null) return null;
  const [numbers, rest] = [texts(reply).slice(0, 8).map(Number), texts(reply).slice(8)];
  const [now = 0, version = 0, createdAt = 0, seenAt = 0, endsAt = 0, idle = 0, authenticatedAt = 0, rotatedAt = 0] =
    numbers;
  const [remembered, user, ip, userAgent, ...fields] = rest;
  const named = {
    remembered: remembered === "1",
    user: user || null,
    ip: ip || null,
    userAgent: userAgent || null,
    fields,
  };
  return { now, version, createdAt, seenAt, endsAt, idle, authenticatedAt, rotatedAt, ...named };
}
