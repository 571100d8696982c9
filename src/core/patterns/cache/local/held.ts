import { unchecked } from "../../../unchecked.ts";
import type { Codec } from "../../../data/codec.ts";

/** A value in memory: frozen and shared, or kept as text, so that each caller gets a copy of its own. */
export interface Held<T> {
  /** An estimate of its size in memory, in bytes. It is rather too large than too small. */
  readonly bytes: number;
  /** @throws What the codec throws. */
  open(): T;
}

/**
 * Makes a value safe to be held for several callers, or returns `undefined` if it cannot be. Objects, arrays and what is in them are frozen.
 * What freezing does not protect, such as a map, a date or bytes, is kept as the text of the codec that made it.
 */
export function hold<T>(value: T, copier: Codec | undefined): Held<T> | undefined {
  const parts = freezableParts(value);
  if (!parts) return copier && holdText(value, copier);
  for (const object of parts.objects) Object.freeze(object);
  return { bytes: parts.bytes, open: () => value };
}

function holdText<T>(value: T, copier: Codec): Held<T> | undefined {
  try {
    const text = copier.encode(value);
    // A codec gives back what it was given.
    return { bytes: sizeOf(text), open: () => unchecked(copier.decode(text)) };
  } catch {
    // It goes to Redis, where its values come from.
    return undefined;
  }
}

interface Parts {
  readonly objects: ReadonlySet<object>;
  readonly bytes: number;
}

/** All objects of a value that consists of objects, arrays and primitives; `undefined` if there is anything else in it. */
function freezableParts(value: unknown): Parts | undefined {
  const objects = new Set<object>();
  let bytes = 0;
  const add = (part: unknown) => {
    bytes += isObject(part) && objects.has(part) ? 8 : sizeOf(part);
    if (isObject(part)) objects.add(part);
  };
  add(value);
  // A set can grow while it is walked. Recursion would end at a depth that JSON still has.
  for (const object of objects) {
    if (!isFreezable(object)) return undefined;
    const isList = Array.isArray(object);
    for (const name of isList ? [] : Reflect.ownKeys(object)) {
      bytes += sizeOf(name);
      add(Reflect.get(object, name));
    }
    if (isList) Object.values(object).forEach(add);
  }
  return { objects, bytes };
}

/** Functions are objects, too, which may have a state. */
function isObject(value: unknown): value is object {
  return typeof value === "function" || (typeof value === "object" && value !== null);
}

/** Whether freezing an object protects all of its state. */
function isFreezable(object: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (Array.isArray(object)) return prototype === Array.prototype;
  return prototype === null || prototype === Object.prototype;
}

/** The size of a part without the objects in it: of a slot, and what the slot leads to. */
function sizeOf(part: unknown): number {
  if (typeof part === "string") return 2 * part.length + 24;
  if (typeof part === "bigint") return part.toString(16).length + 24;
  return isObject(part) ? 64 : 8;
}
