import { OptionError } from "../../errors.ts";

/** @returns The whole number. A negative zero is 0. */
export function checkWhole(name: string, value: number): number {
  if (Number.isSafeInteger(value)) return value + 0;
  throw new OptionError(`\`${name}\` must be a whole number from -(2^53 - 1) to 2^53 - 1`);
}

/** Checks what is added. Options in its place are a common mistake, since it may be left out. */
export function checkBy(by: number): number {
  if (typeof by === "object") throw new OptionError("`by` must be a whole number, such as 1; options come after it");
  return checkWhole("by", by);
}
