import type { ConnectionError, OptionError, ReplyError } from "./errors.ts";

/**
 * What a failed call means. `outage`: Redis is away, or can take nothing. `passing`: it cannot answer for the moment. `mistake`: everything
 * else, which no patience mends: a wrong password, a key of another type.
 */
export type Failure = "outage" | "passing" | "mistake";

const outages = /^(CONNECTION|TIMEOUT|OOM|MISCONF|NOREPLICAS)$/;
const passing = /^(LOADING|BUSY|TRYAGAIN|CLUSTERDOWN|MASTERDOWN|READONLY|MOVED|ASK)$/;

/** Tells the meaning of a failed call. The error may come from another copy of this package, so its class says nothing. */
export function failureOf(error: unknown): Failure {
  const code = codeOf(error);
  if (passing.test(code)) return "passing";
  // Too many clients, or a service whose quota is used up.
  const isFull = code === "ERR" && String(Reflect.get(Object(error), "message")).startsWith("ERR max ");
  return isFull || outages.test(code) ? "outage" : "mistake";
}

/** The code of an error of this package; empty if it has none. */
export function codeOf(error: unknown): string {
  const code: unknown = Reflect.get(Object(error), "code");
  return typeof code === "string" ? code : "";
}

/** Whether Redis answered with this error, whichever copy of this package says so. Other libraries' errors of this name have no code. */
export function isReplyError(value: unknown): value is ReplyError {
  return typeof value === "object" && Reflect.get(Object(value), "name") === "ReplyError" && codeOf(value) !== "";
}

/** Whether Redis was not reached, or its answer was lost. */
export function isConnectionError(error: unknown): error is ConnectionError {
  return /^(CONNECTION|TIMEOUT)$/.test(codeOf(error));
}

/** Whether the caller made a mistake, and nothing was sent. */
export function isOptionError(error: unknown): error is OptionError {
  return codeOf(error) === "OPTION";
}
