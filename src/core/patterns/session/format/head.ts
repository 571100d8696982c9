import { unchecked } from "../../../unchecked.ts";

/**
 * The parts of a record's head, in the order in which they are stored, each with the Lua pattern of its text. A space stands between
 * two of them. Instants are the server's, in milliseconds since 1970.
 */
const patterns = {
  /** The SHA-256 of the token. */
  digest: "%S+",
  /** The epoch of the user, or `noEpoch`. */
  epoch: "%S+",
  /** The generation of the bucket. */
  generation: "%d+",
  /** Which of its user's sessions it is; 0 while anonymous. */
  number: "%d+",
  /** When it ends, however much it is used. */
  ends: "%d+",
  /** The longest time between two uses. */
  idle: "%d+",
  /** When its token was made. */
  rotatedAt: "%d+",
  /** When its user last proved who they are. */
  authenticatedAt: "%d+",
  /** 1 if it lives by the limits of `remember`, else 0. */
  remembered: "%d",
  createdAt: "%d+",
  /** The user's tag, or random text while anonymous. */
  owner: "%S+",
  /** JSON that no script reads: see `Who`. */
  who: ".+",
};

/** The epoch of an anonymous session. */
export const noEpoch = "-";

/** A part of the head. */
export type HeadPart = keyof typeof patterns;

export const parts = unchecked<HeadPart[]>(Object.keys(patterns));

/** The place of each part. */
export const places = unchecked<Readonly<Record<HeadPart, number>>>(
  Object.fromEntries(parts.map((part, place) => [part, place])),
);

/**
 * The Lua pattern of the beginning of a head.
 * @param end The part before which it stops.
 * @param captured The parts that it captures; all by default.
 */
export function headPattern(end: HeadPart, captured: readonly HeadPart[] = parts): string {
  const texts = parts
    .slice(0, places[end])
    .map((part) => (captured.includes(part) ? `(${patterns[part]})` : patterns[part]));
  return `^${texts.join(" ")}`;
}

/**
 * The Lua expression of a head.
 * @param given Expressions of the parts before `end`; one that is missing is in a local of its own name.
 * @param rest The expression of `end` and all after it; by default, they stay as they are in the local `head`.
 */
export function headText(given: { readonly [Part in HeadPart]?: string }, end: HeadPart, rest = restFrom(end)): string {
  return [...parts.slice(0, places[end]).map((part) => given[part] ?? part), rest].join(' .. " " .. ');
}

/** The Lua expression of a part, and all after it, of the local `head`. */
function restFrom(part: HeadPart): string {
  return `string.match(head, "${headPattern(part, [])} (.+)$")`;
}

/** The last part of a head: the user, and the device that the session was created on. */
export type Who = readonly [user: string | null, ip: string | null, userAgent: string | null];

export function encodeWho(user: string | undefined, ip: string | null, userAgent: string | null): string {
  return JSON.stringify([user, ip, userAgent]);
}
