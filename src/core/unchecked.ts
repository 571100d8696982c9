/**
 * Gives a value a type that the compiler cannot check: a value that was parsed from JSON, or put together field by field. The name says
 * at each use that nothing was checked.
 */
export function unchecked<T>(value: unknown): T {
  // The only assertion of the core.
  return value as T;
}
