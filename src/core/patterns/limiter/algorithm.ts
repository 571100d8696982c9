import { OptionError } from "../../errors.ts";
import type { Decision } from "./scripts/decision.lua.ts";

/** What a limit promises, for answers and headers. */
export interface LimitPolicy {
  /** The name in headers. */
  readonly name: string;
  /** How many units pass in one window. */
  readonly limit: number;
  /** The window, in milliseconds. */
  readonly window: number;
  /**
   * What is counted, in the words of the RateLimit header fields.
   * @default "requests"
   */
  readonly unit?: "requests" | "content-bytes" | "concurrent-requests";
}

/** A way to limit, as a value: only the algorithm that is named gets bundled. */
export interface LimitAlgorithm {
  /** The last part of the key: the family, and the version of what it stores. */
  readonly kind: string;
  /** The most units that can pass at once. */
  readonly limit: number;
  /** What it promises. */
  readonly policy: LimitPolicy;
  /** The decision. */
  readonly script: Decision;
  /** The three numbers of the decision. */
  readonly numbers: readonly [number, number, number];
  /**
   * Makes the id that a call carries without being asked, so that a client's own re-sending counts once; the empty text where
   * remembering one would take a command more. Its first character separates it from the ids before it.
   */
  requestId(): string;
  /** Whether units are held until they are given back, so that they cannot be booked ahead. */
  readonly held?: boolean;
}

/** Lets what looks like an algorithm through. */
export function checkAlgorithm(algorithm: LimitAlgorithm): LimitAlgorithm {
  if (typeof algorithm?.script === "function") return algorithm;
  throw new OptionError("`algorithm` must be a limit such as slidingWindow({ limit: 100, window: seconds(60) })");
}
