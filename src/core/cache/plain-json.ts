import { encodeId } from "../keys.ts";
import { OptionError } from "../errors.ts";
import type { EntryFormat } from "./entry.ts";

/** Plain JSON under `prefix:id`, for what other languages read and write, too. It has no room for times, tags and other kinds. */
export const plainJson: EntryFormat = {
  mark: "",
  tagged: false,
  keys(prefix, id) {
    encodeId(id);
    const entry = `${prefix}:${id}`;
    // Where the id names a hash tag of its own, the lease has the same; else the whole key is the lease's hash tag.
    return { entry, lease: /\{[^}]+\}/.test(entry) ? `${entry}:lease` : `{${entry}}:lease` };
  },
  write({ kind, text }) {
    if (kind === "j") return text;
    throw new OptionError('`value` must be JSON in a cache with `format: "json"`, which `undefined` is not');
  },
  read: (text) => ({ extra: 0, delta: 0, tags: new Map(), payload: { kind: "j", text } }),
  headOf: (raw) => raw,
};
