/** The part of the Standard Schema interface that is needed (standardschema.dev); zod, valibot and arktype have it. */
export interface StandardSchema<T> {
  /** The properties of the standard. */
  readonly "~standard": { validate(value: unknown): SchemaResult<T> | Promise<SchemaResult<T>> };
}

/** The verdict of a schema: the value, or what is wrong with it. */
export type SchemaResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly unknown[] };
