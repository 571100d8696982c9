import { OptionError } from "../errors.ts";

/**
 * The text of an argument as adapters send it. A whole number is written in digits alone, without an exponent.
 * @throws {OptionError} The argument is neither a string nor a number.
 */
export function argText(arg: unknown): string {
  if (typeof arg === "string") return arg;
  if (typeof arg !== "number") throw new OptionError("An argument of a command must be a string or a number");
  return Math.abs(arg) >= 1e21 && Number.isFinite(arg) ? String(BigInt(arg)) : String(arg);
}
