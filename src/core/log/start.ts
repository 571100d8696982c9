import { checkStreamId } from "../stream-id.ts";

/** Where a reader begins: `now`, at the `beginning` of what is kept, `after` an id that was seen, or `since` an id that stands for an instant. */
export type LogStart = { readonly at: "now" | "beginning" } | { readonly at: "after" | "since"; readonly id: string };

/**
 * Checks where a caller wants to begin.
 * @throws {OptionError} It is neither "now" nor "beginning" nor an id.
 */
export function checkStart(from: string): LogStart {
  if (from === "now" || from === "beginning") return { at: from };
  return {
    at: "after",
    id: checkStreamId("from", from, 'a message, such as "1795786836002-0", or "now" or "beginning"'),
  };
}
