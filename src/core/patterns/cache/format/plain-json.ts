import { OptionError } from "../../../errors.ts";
import { encodeId } from "../../../keys.ts";
import type { EntryFormat } from "./entry.ts";

/** The part of a key by which a Cluster finds its slot: between the first brace and the one that ends it; empty if that is the whole key. */
function hashTag(id: string): string {
  return /^[^{]*\{([^}]*)\}/.exec(id)?.[1] ?? "";
}

/**
 * The format of plain JSON under the bare name `prefix:id`, for caches that other languages read and write, too. Nothing else may have
 * names that begin with this prefix. It has no room for tags, stale times,
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
  keys({ prefix, namespace }, id) {
    encodeId(id);
    const entry = `${prefix}:${id}`;
    const tag = hashTag(id);
    // The lease is for this package alone, and in the slot of the entry: its hash tag is that of the id, or else the whole key.
    const lease = `${namespace}:{${tag || entry}}:json-lease`;
    if (tag) return { entry, lease: `${lease}:${id.replace(`{${tag}}`, "{}")}` };
    if (!id.includes("}")) return { entry, lease };
    throw new OptionError(
      "`id` must not contain a `}` that ends no hash tag: its lease would be in another Cluster slot",
    );
  },
  write({ kind, text }) {
    if (kind === "j") return text;
    throw new OptionError("`value` must be JSON in a cache of plain JSON, which `undefined` is not");
  },
  read: (text) => ({ staleTime: 0, loadTime: 0, tags: new Map(), payload: { kind: "j", text } }),
  headOf: (raw) => raw,
};
