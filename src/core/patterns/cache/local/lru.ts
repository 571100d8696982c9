/** Values in memory, the least used of which give way. */
export interface Shelf<T> {
  /** The value, if it is there and young enough. */
  take(id: string): { readonly value: T } | undefined;
  /** Keeps a value that was read when the fence was as given. It is frozen. */
  put(id: string, value: T, fence: number): void;
  drop(id: string): void;
  clear(): void;
  /** Moves with everything that is dropped: what was read before must not be kept after. */
  readonly fence: number;
}

interface Slot<T> {
  readonly value: T;
  readonly until: number;
  readonly bytes: number;
  /** Whether it was taken since it was last considered for eviction. */
  used: boolean;
}

/** The limits of a shelf. */
export interface ShelfLimits {
  readonly maxStaleness: number;
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** Creates a shelf. */
export function createShelf<T>({ maxStaleness, ...limits }: ShelfLimits): Shelf<T> {
  const slots: Slots<T> = { byId: new Map(), bytes: 0 };
  let fence = 0;
  return {
    get fence() {
      return fence;
    },
    take(id) {
      const slot = slots.byId.get(id);
      if (slot === undefined) return undefined;
      if (slot.until <= performance.now()) return remove(slots, id);
      slot.used = true;
      return slot;
    },
    put(id, value, seen) {
      if (seen !== fence) return;
      remove(slots, id);
      const slot = {
        value,
        until: performance.now() + maxStaleness,
        bytes: 2 * id.length + freeze(value),
        used: false,
      };
      if (slot.bytes > limits.maxBytes) return;
      // Room is made before it comes, or the newest would be the first to go.
      evict(slots, { maxEntries: limits.maxEntries - 1, maxBytes: limits.maxBytes - slot.bytes });
      slots.byId.set(id, slot);
      slots.bytes += slot.bytes;
    },
    drop(id) {
      fence += 1;
      remove(slots, id);
    },
    clear() {
      fence += 1;
      slots.byId.clear();
      slots.bytes = 0;
    },
  };
}

interface Slots<T> {
  readonly byId: Map<string, Slot<T>>;
  bytes: number;
}

function remove<T>(slots: Slots<T>, id: string): undefined {
  const slot = slots.byId.get(id);
  if (slot && slots.byId.delete(id)) slots.bytes -= slot.bytes;
}

/** CLOCK: the oldest goes unless it was used meanwhile, which costs a hit one write. */
function evict<T>(slots: Slots<T>, { maxEntries, maxBytes }: Pick<ShelfLimits, "maxEntries" | "maxBytes">): void {
  for (const [id, slot] of slots.byId) {
    if (slots.byId.size <= maxEntries && slots.bytes <= maxBytes) return;
    slots.byId.delete(id);
    if (slot.used && slot.until > performance.now()) slots.byId.set(id, { ...slot, used: false });
    else slots.bytes -= slot.bytes;
  }
}

/** Freezes a value through and through. Answers about how many bytes it takes. */
function freeze(value: unknown): number {
  if (typeof value === "string") return 2 * value.length + 16;
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return 8;
  if (ArrayBuffer.isView(value)) return value.byteLength + 64;
  Object.freeze(value);
  let bytes = 64;
  for (const [name, part] of Object.entries(value)) bytes += 2 * name.length + freeze(part);
  return bytes;
}
