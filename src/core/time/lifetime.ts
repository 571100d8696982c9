import { checkDuration } from "../check.ts";
import { OptionError } from "../errors.ts";

/** For how long something is kept, in milliseconds, or for ever. */
export type Lifetime = number | "permanent";

/** @returns The lifetime as scripts have it: whole milliseconds, and 0 for what is permanent. */
export function checkLifetime(name: string, value: Lifetime): number {
  if (value === Number.POSITIVE_INFINITY) throw new OptionError(`\`${name}\` for ever is "permanent"`);
  return value === "permanent" ? 0 : checkDuration(name, value);
}
