import { OptionError } from "../../errors.ts";
import type { Decision } from "./scripts/decision.lua.ts";

/** The promise of a limit, as verdicts and header fields state it. */
export interface LimitPolicy {
  /** The name in header fields. */
  readonly name: string;
  /** The units that pass in one window. */
  readonly limit: number;
  /** The window, in milliseconds. */
  readonly window: number;
  /**
   * The kind of unit, in the words of the RateLimit header fields.
   * @default "requests"
   */
  readonly unit?: "requests" | "content-bytes" | "concurrent-requests";
}

/** An algorithm with its limit, as a value: a bundle has only the algorithms that it names. */
export interface LimitAlgorithm {
  /** The last part of the key: a name for what is stored, with its version. */
  readonly kind: string;
  /** The most units that can pass at once. */
  readonly limit: number;
  /** The promise that it keeps. */
  readonly policy: LimitPolicy;
  /** The script that decides. */
  readonly script: Decision;
  /** The three numbers that the script decides by. */
  readonly numbers: readonly [number, number, number];
  /**
   * Makes a random id for a call, so that a script that the client sends twice counts once. It begins with a separator, for the ids of
   * several calls are remembered in a row. It is empty where the algorithm remembers none.
   */
  requestId(): string;
  /** True where units are held until they are given back, so that nobody can know when they are free. */
  readonly held?: boolean;
}

/** Lets what looks like an algorithm through. */
export function checkAlgorithm(algorithm: LimitAlgorithm): LimitAlgorithm {
  if (typeof algorithm?.script === "function") return algorithm;
  throw new OptionError("`algorithm` must be a limit such as slidingWindow({ limit: 100, window: seconds(60) })");
}
