import { OptionError, ReplyError } from "../../errors.ts";
import { checkText } from "../../check.ts";
import { keyOf } from "../../keys.ts";
import { type LogPlace, logPlace } from "../../log/format.ts";
import { unchecked } from "../../unchecked.ts";

/** The keys of one room, which share a Cluster slot, and the channel of its transitions. */
export interface RoomPlace extends LogPlace {
  /** A sorted set: the visits, each with the member behind its id, by the server's time at which it ends. */
  readonly visits: string;
  /** A sorted set: the members, in the order in which they came. */
  readonly members: string;
  /** A hash: how many visits each member has, since when, and its data. */
  readonly about: string;
}

export function roomPlace(namespace: string, room: string): RoomPlace {
  return {
    ...logPlace(namespace, room),
    visits: keyOf(namespace, room, "visits"),
    members: keyOf(namespace, room, "members"),
    about: keyOf(namespace, room, "about"),
  };
}

/** The greatest length of a member, in UTF-16 units. */
const longestMember = 1_024;

/** A member as it is stored: as JSON, which gives every text back, also one with a lone surrogate. */
export function encodeMember(member: string): string {
  if (checkText("member", member).length <= longestMember) return JSON.stringify(member);
  throw new OptionError(`\`member\` must have at most ${longestMember} characters; use a hash of it`);
}

export function newVisitId(): string {
  // 74 random bits. Other ways to them take ten times as long.
  return crypto.randomUUID().slice(0, 23);
}

/** Checks the id of a visit, in which a colon would end it. */
export function checkVisitId(id: string): string {
  if (typeof id === "string" && /^[\w-]{1,64}$/.test(id)) return id;
  throw new OptionError("`visitId` must be the `id` of a visit, as `join` gives it");
}

/** Checks the place at which a page of members begins. */
export function checkCursor(cursor: string): string {
  if (typeof cursor === "string" && /^[1-9]\d{0,15}$/.test(cursor)) return cursor;
  throw new OptionError("`cursor` must be null, or the cursor of the page before");
}

/** A member who is in a room. */
export interface PresentMember<Data> {
  readonly member: string;
  /** How many visits the member has: tabs, devices, connections. */
  readonly visits: number;
  /** When the first of them began, in milliseconds since 1970 by the server's clock. */
  readonly joinedAt: number;
  /** What `join` was given last for this member, or `undefined` if it never was. */
  readonly data: Data | undefined;
}

/** Somebody came or went. */
export interface Transition<Data> {
  /** `joined` where a member's first visit began, `left` where its last one ended. */
  readonly type: "joined" | "left";
  readonly member: string;
  /** When, in milliseconds since 1970 by the server's clock. For a visit that was not extended, the end of its `ttl`. */
  readonly at: number;
  /** What the `join` was given, if anything. */
  readonly data?: Data | undefined;
  /** The id of this transition: `subscribe` goes on behind it if it is given as `from`. */
  readonly id: string;
}

/** Lua that reads what is stored about a member: the version of the format, the visits, since when, and JSON or nothing. */
export const aboutPattern = '"^1 (%d+) (%d+) (.*)$"';

/** Lua that writes it. */
export const formatAbout = 'string.format("1 %d %s %s", count, since, data)';

/** Reads what a script tells about a member. */
export function decodeMember<Data>(member: string, about: string): PresentMember<Data> {
  const [, visits, joinedAt, data] = /^1 (\d+) (\d+) (.*)$/s.exec(about) ?? [];
  if (data === undefined) throw foreign();
  return {
    member: unchecked(parse(member)),
    visits: Number(visits),
    joinedAt: Number(joinedAt),
    data: data === "" ? undefined : unchecked(parse(data)),
  };
}

/** Reads a transition as the log has it, or `null` if it is none of this version. */
export function decodeTransition<Data>(id: string, text: string | null): Transition<Data> | null {
  try {
    const told: unknown = JSON.parse(text ?? "null");
    const type: unknown = Reflect.get(Object(told), "type");
    return type === "joined" || type === "left" ? unchecked({ ...Object(told), id }) : null;
  } catch {
    return null;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw foreign(cause);
  }
}

function foreign(cause?: unknown): ReplyError {
  return new ReplyError("SHAPE The room holds something else than members; choose another `prefix`", { cause });
}
