import { keyOf, keyPrefix } from "../keys.ts";

/** The keys of one lock; they share a Cluster slot. */
export interface LockKeys {
  /** Holds the holder's token while the lock is held. */
  readonly lock: string;
  /** Remembers the last fence, for an hour longer than the lease. */
  readonly counter: string;
  /** Exists while somebody waits. It is also the name of the channel that a release is published on. */
  readonly wanted: string;
}

/** Names the keys of a lock. */
export type LockNaming = (name: string) => LockKeys;

/** The usual names: `prefix:{name}` and its parts. */
export function lockNaming(prefix: string): LockNaming {
  keyPrefix(prefix);
  return (name) => ({
    lock: keyOf(prefix, name),
    counter: keyOf(prefix, name, "fence"),
    wanted: keyOf(prefix, name, "wanted"),
  });
}
