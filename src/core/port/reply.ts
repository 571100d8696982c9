import { ReplyError } from "../errors.ts";
import { isReplyError } from "../failure.ts";
import type { Reply } from "./redis.ts";

/** Checks a reply and gives it its type. A reply of another shape throws a `ReplyError` with the code `SHAPE`. */
export type Decode<T> = (reply: Reply) => T;

function shapeError(wanted: string): ReplyError {
  return new ReplyError(`SHAPE Redis answered something else than ${wanted}`);
}

/**
 * Takes a reply out of a pipeline.
 * @throws {ReplyError} The reply is an error.
 */
export function orThrow(reply: Reply | ReplyError): Reply {
  if (isReplyError(reply)) throw reply;
  return reply;
}

/** Decodes a whole number. Decimal text is accepted too, since HTTP carries big integers as text. */
export function integer(reply: Reply): number {
  const value = typeof reply === "string" && reply !== "" ? Number(reply) : reply;
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw shapeError("an integer");
}

/** Decodes a boolean: 1 is true, 0 and nil are false. */
export function flag(reply: Reply): boolean {
  return reply !== null && integer(reply) === 1;
}

/** Decodes a string. A number becomes text again, since some clients turn digits into numbers. */
export function text(reply: Reply): string {
  if (typeof reply === "string") return reply;
  if (typeof reply === "number") return String(reply);
  throw shapeError("a string");
}

/** Decodes a string, or nil as `null`. */
export function nullableText(reply: Reply): string | null {
  return reply === null ? null : text(reply);
}

/** Decodes a list whose items `item` decodes. */
export function listOf<T>(item: Decode<T>): Decode<T[]> {
  return (reply) => {
    if (Array.isArray(reply)) return reply.map(item);
    throw shapeError("a list");
  };
}

/** Decodes a list of whole numbers. */
export function integers(reply: Reply): number[] {
  return listOf(integer)(reply);
}

/** Decodes a list of strings. */
export function texts(reply: Reply): string[] {
  return listOf(text)(reply);
}

/** Decodes a list of strings and nils. */
export function nullableTexts(reply: Reply): (string | null)[] {
  return listOf(nullableText)(reply);
}

/** Gives the reply as it is, for scripts that answer in several shapes. */
export function raw(reply: Reply): Reply {
  return reply;
}
