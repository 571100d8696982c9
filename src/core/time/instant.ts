import { OptionError } from "../errors.ts";

/** The last instant of the year 9999, in milliseconds since 1970. The names of later days would have more digits. */
export const lastInstant = 253_402_300_799_999;

/** Checks an instant of a caller's, in milliseconds since 1970. */
export function checkInstant(name: string, value: number, last = Number.MAX_SAFE_INTEGER): number {
  if (Number.isSafeInteger(value) && value >= 0 && value <= last) return value;
  throw new OptionError(`\`${name}\` must be an instant in whole milliseconds since 1970, such as Date.now()`);
}
