import type { Held } from "./held.ts";

/** Values in memory. The least recently used give way. */
export interface Lru<T> {
  /** The value, if it is there and not too old. */
  get(id: string): Held<T> | undefined;
  /** Keeps a value if nothing was deleted since the version was as given. */
  set(id: string, held: Held<T>, version: number): void;
  delete(id: string): void;
  clear(): void;
  /** Grows with each deletion: a value that was read before must not be kept after. */
  readonly version: number;
}

interface LruEntry<T> {
  readonly held: Held<T>;
  readonly until: number;
  readonly bytes: number;
  /** Whether it was read since it was last considered for eviction. */
  used: boolean;
}

/** The limits of the values in memory. */
export interface LruLimits {
  readonly maxStaleness: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
}

export function createLru<T>({ maxStaleness, ...limits }: LruLimits): Lru<T> {
  const entries: LruEntries<T> = { byId: new Map(), bytes: 0 };
  let version = 0;
  return {
    get version() {
      return version;
    },
    get(id) {
      const entry = entries.byId.get(id);
      if (entry === undefined) return undefined;
      if (entry.until <= performance.now()) return remove(entries, id);
      entry.used = true;
      return entry.held;
    },
    set(id, held, seen) {
      if (seen !== version) return;
      remove(entries, id);
      const entry = {
        held,
        until: performance.now() + maxStaleness,
        bytes: 2 * id.length + held.bytes,
        used: false,
      };
      if (entry.bytes > limits.maxBytes) return;
      // Room is made before the entry comes, or the newest would be the first to go.
      evict(entries, { maxEntries: limits.maxEntries - 1, maxBytes: limits.maxBytes - entry.bytes });
      entries.byId.set(id, entry);
      entries.bytes += entry.bytes;
    },
    delete(id) {
      version += 1;
      remove(entries, id);
    },
    clear() {
      version += 1;
      entries.byId.clear();
      entries.bytes = 0;
    },
  };
}

interface LruEntries<T> {
  readonly byId: Map<string, LruEntry<T>>;
  bytes: number;
}

function remove<T>(entries: LruEntries<T>, id: string): undefined {
  const entry = entries.byId.get(id);
  if (entry && entries.byId.delete(id)) entries.bytes -= entry.bytes;
}

/** Evicts by CLOCK: the oldest goes unless it was used meanwhile, which costs a hit one write. */
function evict<T>(entries: LruEntries<T>, { maxEntries, maxBytes }: Pick<LruLimits, "maxEntries" | "maxBytes">): void {
  for (const [id, entry] of entries.byId) {
    if (entries.byId.size <= maxEntries && entries.bytes <= maxBytes) return;
    entries.byId.delete(id);
    if (entry.used && entry.until > performance.now()) entries.byId.set(id, { ...entry, used: false });
    else entries.bytes -= entry.bytes;
  }
}
