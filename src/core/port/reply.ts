import { ReplyError } from "../errors.ts";
import type { Reply } from "./redis.ts";

/** Turns an untrusted reply into a value, or throws a `ReplyError` with the code `SHAPE`. */
export type Decode<T> = (reply: Reply) => T;

function shapeError(wanted: string): ReplyError {
  return new ReplyError(`SHAPE Redis answered something else than ${wanted}`);
}

/**
 * A reply of a pipeline that must be no failure.
 * @throws {ReplyError} It is one.
 */
export function orThrow(reply: Reply | ReplyError): Reply {
  if (reply instanceof ReplyError) throw reply;
  return reply;
}

/** A whole number; decimal text is one too, since HTTP carries big integers as text. */
export function integer(reply: Reply): number {
  const value = typeof reply === "string" && reply !== "" ? Number(reply) : reply;
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw shapeError("an integer");
}

/** 1 is true, 0 and nil are false. */
export function flag(reply: Reply): boolean {
  return reply !== null && integer(reply) === 1;
}

/** A string. A client that made a number of it is undone. */
export function text(reply: Reply): string {
  if (typeof reply === "string") return reply;
  if (typeof reply === "number") return String(reply);
  throw shapeError("a string");
}

/** A string, or `null` where Redis said nil. */
export function nullableText(reply: Reply): string | null {
  return reply === null ? null : text(reply);
}

/** A list, each item decoded. */
export function listOf<T>(item: Decode<T>): Decode<T[]> {
  return (reply) => {
    if (Array.isArray(reply)) return reply.map(item);
    throw shapeError("a list");
  };
}

/** A list of whole numbers. */
export function integers(reply: Reply): number[] {
  return listOf(integer)(reply);
}

/** A list of strings. */
export function texts(reply: Reply): string[] {
  return listOf(text)(reply);
}

/** A list of strings and nils. */
export function nullableTexts(reply: Reply): (string | null)[] {
  return listOf(nullableText)(reply);
}

/** The reply as it came, for scripts that answer in several shapes. */
export function raw(reply: Reply): Reply {
  return reply;
}
