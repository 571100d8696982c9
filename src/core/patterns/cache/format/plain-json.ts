import { OptionError } from "../../../errors.ts";
import { encodeId } from "../../../keys.ts";
import type { EntryFormat } from "./entry.ts";

/**
 * The format of plain JSON under `prefix:id`, for caches that other languages read and write, too. It has no room for tags, stale times,
 * early refresh, a codec, compression, overflow and `undefined`.
 * @example
 * const cache = createCache<User>(redis, { prefix: "user", ttl: minutes(5), format: plainJson });
 */
export const plainJson: EntryFormat = {
  mark: "",
  refuses: [
    "tags",
    "codec",
    "compression",
    "overflow",
    "clearable",
    "staleWhileRevalidate",
    "staleIfError",
    "earlyRefresh",
  ],
  keys(prefix, id) {
    encodeId(id);
    const entry = `${prefix}:${id}`;
    // Where the id names a hash tag of its own, the lease has the same; else the whole key is the lease's hash tag.
    return { entry, lease: /\{[^}]+\}/.test(entry) ? `${entry}:lease` : `{${entry}}:lease` };
  },
  write({ kind, text }) {
    if (kind === "j") return text;
    throw new OptionError("`value` must be JSON in a cache of plain JSON, which `undefined` is not");
  },
  read: (text) => ({ staleTime: 0, loadTime: 0, tags: new Map(), payload: { kind: "j", text } }),
  headOf: (raw) => raw,
};
