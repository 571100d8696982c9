import { checkDuration, checkOptions } from "../check.ts";
import { createInternals, bindInside, findInside } from "../internals.ts";

/** Says that a log is read every so often, where no messages arrive. */
export interface Polling {
  /** The pause between two reads, in milliseconds. */
  readonly every: number;
}

const pollings = /* @__PURE__ */ createInternals<true>("polling");

/**
 * Stands for a subscriber where a program can hold neither a connection nor a stream: the log is read every so often, by one command each time.
 * It needs `delivery: resumable()`, since what is only announced is never heard.
 * @throws {OptionError} `every` is no duration.
 * @example
 * const channels = createChannels(redis, { prefix: "room", subscriber: polling({ every: seconds(5) }), delivery: resumable() });
 */
export function polling(options: { readonly every: number }): Polling {
  const { every } = checkOptions(options, "{ every: seconds(5) }") ?? {};
  return bindInside(pollings, { every: checkDuration("every", every ?? Number.NaN) }, true);
}

export function isPolling(value: unknown): value is Polling {
  return findInside(pollings, value) === true;
}
