import { OptionError } from "./errors.ts";

/** What the factories of one kind keep to themselves, for the functions that take what they made. */
export interface Internals<Inside> {
  /** Ties what a factory made to its inside, and returns it. */
  bind<Made extends object>(made: Made, inside: Inside): Made;
  /**
   * The inside of what a factory made.
   * @throws {OptionError} It was not made by the factory.
   */
  of(made: unknown): Inside;
}

/**
 * Creates a place for the insides of what one factory makes. They cannot be seen from outside, in logs neither.
 * @param message What a function says that was given something else.
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
