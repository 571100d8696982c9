import { checkDuration, checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import type { Grant } from "./term.ts";

/** All that a process needs to know to go on with the lease of another. */
type HandOff = Omit<Grant, "deadline"> & { readonly name: string };

/** Writes version 1 of the format. */
export function encodeHandOff(name: string, { token, fence, ttl }: Grant): string {
  return JSON.stringify({ v: 1, name, token, fence, ttl });
}

/**
 * Reads what `encodeHandOff` wrote, in every version so far.
 * @throws {OptionError} It is something else.
 */
export function decodeHandOff(serialized: string): HandOff {
  try {
    const { v, name, token, fence, ttl } = JSON.parse(serialized);
    if (v === 1) {
      return {
        name: checkText("name", name),
        token: checkText("token", token),
        fence: checkText("fence", fence),
        ttl: checkDuration("ttl", ttl),
      };
    }
  } catch {
    // Whatever is wrong with it, the remedy is the same.
  }
  throw new OptionError("`serialized` must be the text that lease.serialize() gave");
}
