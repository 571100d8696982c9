import { keyOf } from "../../../keys.ts";

/** The names that all keys of one cache begin with. */
export interface CacheNames {
  /** The user's prefix. */
  readonly prefix: string;
  /** `cache:prefix`, which begins every key of this package's own. */
  readonly namespace: string;
}

/** The keys of one entry, which share a Cluster slot. */
export interface EntryKeys {
  readonly entry: string;
  readonly lease: string;
}

// Each kind of thing has a part of its own behind the braces, and no prefix or encoded id has braces: so no two keys can be the same.

export function entryKeys({ namespace }: CacheNames, id: string): EntryKeys {
  const entry = keyOf(namespace, id);
  return { entry, lease: `${entry}:lease` };
}

/** What every key of an entry begins with whose encoded id begins with the text. */
export function startOfKeys({ namespace }: CacheNames, encoded: string): string {
  return `${namespace}:{${encoded}`;
}

/** The key that names the last updates of an entry, in its slot. */
export function updatesKey({ lease }: EntryKeys): string {
  return lease.replace(/\}:/, "}:updates:");
}

export function tagKey({ namespace }: CacheNames, tag: string): string {
  return keyOf(namespace, tag, "tag");
}

/** The key of the tag that all entries of a clearable cache have. */
export function clearKey({ namespace }: CacheNames): string {
  return keyOf(namespace, "*", "all");
}

export function epochKey({ namespace }: CacheNames): string {
  return keyOf(namespace, "*", "epoch");
}

/** The channel on which memories hear of changes. Every other channel is the name of a lease. */
export function localChannel({ namespace }: CacheNames): string {
  return `${namespace}:local`;
}
