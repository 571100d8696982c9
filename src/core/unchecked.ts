/**
 * Gives a value a type that the compiler cannot check: what was parsed from JSON, or put together field by field. Each use says with
 * its name that nothing was checked here.
 */
export function unchecked<T>(value: unknown): T {
  // The only assertion of the core.
  return value as T;
}
