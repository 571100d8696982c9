import { checkDuration } from "../check.ts";

/** For how long something is kept, in milliseconds, or for ever. */
export type Lifetime = number | "permanent";

/** @returns The lifetime as scripts have it: whole milliseconds, and 0 for what is permanent. */
export function checkLifetime(name: string, value: Lifetime): number {
  return value === "permanent" ? 0 : checkDuration(name, value, 1, ', or "permanent"');
}
