import { OptionError } from "./errors.ts";

/** The inner parts of the objects that one factory made. Only this package can reach them. */
export interface Internals<Inside> {
  /** Records the inner part of an object, and returns the object. */
  bind<Made extends object>(made: Made, inside: Inside): Made;
  /**
   * Finds the inner part of an object.
   * @throws {OptionError} The object was not made by the factory.
   */
  of(made: unknown): Inside;
}

/**
 * Creates the internals of one factory. They are not properties, so that they appear neither to callers nor in logs.
 * @param message The message of the error for an object of another origin.
 */
export function createInternals<Inside>(message: string): Internals<Inside> {
  const insides = new WeakMap<object, Inside>();
  return {
    bind(made, inside) {
      insides.set(made, inside);
      return made;
    },
    of(made) {
      const inside = insides.get(Object(made));
      if (inside) return inside;
      throw new OptionError(message);
    },
  };
}
