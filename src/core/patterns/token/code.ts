import { checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";

/** @returns So many decimal digits, each as likely as any other. */
export function randomDigits(length: number): string {
  let digits = "";
  while (digits.length < length) {
    // 250 is the largest multiple of 10 in a byte: what is above would make small digits likelier.
    const fair = crypto.getRandomValues(new Uint8Array(length * 2)).filter((byte) => byte < 250);
    digits += Array.from(fair, (byte) => byte % 10).join("");
  }
  return digits.slice(0, length);
}

/** @returns The digits of what a person typed, or `null` if these cannot be a code: spaces and dashes between digits are nothing. */
export function typedDigits(typed: unknown, length: number): string | null {
  const digits = typeof typed === "string" ? typed.slice(0, 64).replaceAll(/[\s-]/g, "") : "";
  return /^\d+$/.test(digits) && digits.length === length ? digits : null;
}

/** Lets a number of digits through that can be typed, and not guessed in a few attempts. */
export function digitCount(value: number): number {
  if (Number.isInteger(value) && value >= 6 && value <= 12) return value;
  throw new OptionError("`digits` must be a whole number from 6 to 12");
}

/** Lets the pepper of codes through. */
export function pepperOf(pepper: string | undefined): string {
  if (pepper === undefined) return "";
  if (checkText("pepper", pepper).length >= 32) return pepper;
  throw new OptionError("`pepper` must have at least 32 random characters");
}
