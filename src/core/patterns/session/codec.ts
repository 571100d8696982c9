import { OptionError } from "../../errors.ts";

/** Turns the value of one field into text and back. `devalue`'s `stringify` and `parse` make one that keeps dates, maps and sets. */
export interface SessionCodec {
  /** Turns a value into text. It may throw if it cannot. */
  encode(value: unknown): string;
  /** Turns the text back into an equal value. */
  decode(text: string): unknown;
}

/** JSON, which refuses a value that would come back as something else: a `Date`, a `Map`, a class instance, `NaN`. */
export const jsonCodec: SessionCodec = {
  encode: (value) => JSON.stringify(value, refuseLoss),
  decode: (text) => JSON.parse(text),
};

// `this[key]` is the value before its `toJSON`, which has already made a string of a `Date`.
function refuseLoss(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  if (isLossless(this[key]) && !(this[key] === undefined && Array.isArray(this))) return value;
  throw new OptionError("The session's data holds what JSON would change; pass a `codec` such as devalue's");
}

function isLossless(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object" || value === null) return !["bigint", "function", "symbol"].includes(typeof value);
  if (Array.isArray(value)) return true;
  // A plain object's prototype is the root of some realm, or there is none.
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
