import { OptionError } from "./errors.ts";
import { unchecked } from "./unchecked.ts";

/**
 * Under what name the objects of one factory hold their inner parts. All copies of this package know the name, as in a bundle that has one
 * by `import` and one by `require`. What it names appears neither in a loop over the properties nor in a log.
 */
export interface Internals<Inside> {
  readonly name: symbol;
  /** Never set. It ties the name to the type. */
  readonly type?: Inside;
}

export function createInternals<Inside>(factory: string): Internals<Inside> {
  return { name: Symbol.for(`redis-patterns ${factory}`) };
}

/** Records the inner part of an object, and returns the object. */
export function bindInside<Made extends object, Inside>({ name }: Internals<Inside>, made: Made, inside: Inside): Made {
  return Object.defineProperty(made, name, { value: inside, configurable: true });
}

/**
 * Finds the inner part of an object.
 * @param message The message of the error for an object of another origin.
 * @throws {OptionError} The object was not made by the factory.
 */
export function insideOf<Inside>(internals: Internals<Inside>, made: unknown, message: string): Inside {
  const inside = findInside(internals, made);
  if (inside !== undefined) return inside;
  throw new OptionError(message);
}

/** The inner part of an object, if it has one. */
export function findInside<Inside>({ name }: Internals<Inside>, made: unknown): Inside | undefined {
  return unchecked(Reflect.get(Object(made), name));
}
