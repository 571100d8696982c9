import { checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";

/** Creates a code of decimal digits, each as likely as any other. */
export function createCode(length: number): string {
  let digits = "";
  while (digits.length < length) {
    // 250 is the largest multiple of 10 in a byte. Bytes from there on would make the digits 0 to 5 likelier.
    const fair = crypto.getRandomValues(new Uint8Array(length * 2)).filter((byte) => byte < 250);
    digits += Array.from(fair, (byte) => byte % 10).join("");
  }
  return digits.slice(0, length);
}

/** Reads the code that a person typed, with or without spaces and dashes. It is empty if the text cannot be a code. */
export function parseCode(typed: unknown, length: number): string {
  const digits = typeof typed === "string" ? typed.slice(0, 64).replaceAll(/[\s-]/g, "") : "";
  return /^\d+$/.test(digits) && digits.length === length ? digits : "";
}

/** Fewer digits can be guessed in a few attempts; more are too many to type. */
export function checkDigits(value: number): number {
  if (Number.isInteger(value) && value >= 6 && value <= 12) return value;
  throw new OptionError("`digits` must be a whole number from 6 to 12");
}

export function checkPepper(pepper: string | undefined): string {
  if (pepper === undefined) return "";
  if (checkText("pepper", pepper).length >= 32) return pepper;
  throw new OptionError("`pepper` must have at least 32 random characters");
}
