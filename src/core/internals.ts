import { OptionError } from "./errors.ts";

/**
 * The inner parts of the objects that one factory made: `const contexts: Internals<Context> = new WeakMap()`. They are not properties, so
 * that they appear neither to callers nor in logs.
 */
export type Internals<Inside> = WeakMap<object, Inside>;

/** Records the inner part of an object, and returns the object. */
export function bindInside<Made extends object, Inside>(
  internals: Internals<Inside>,
  made: Made,
  inside: Inside,
): Made {
  internals.set(made, inside);
  return made;
}

/**
 * Finds the inner part of an object.
 * @param message The message of the error for an object of another origin.
 * @throws {OptionError} The object was not made by the factory.
 */
export function insideOf<Inside>(internals: Internals<Inside>, made: unknown, message: string): Inside {
  const inside = internals.get(Object(made));
  if (inside) return inside;
  throw new OptionError(message);
}
