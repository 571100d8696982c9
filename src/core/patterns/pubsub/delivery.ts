import { OptionError } from "../../errors.ts";
import { bindInside, createInternals, findInside } from "../../internals.ts";
import type { LogStart } from "../../log/reader.ts";
import type { ChannelContext } from "./context.ts";
import type { ChannelGap, ChannelNames, Published } from "./options.ts";

/** What becomes of a message that a subscriber misses, as a value: a bundle has only the one that it names. */
export interface Delivery {
  readonly name: "fire-and-forget" | "resumable";
}
