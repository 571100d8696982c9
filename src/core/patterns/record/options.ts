import type { Lifetime } from "../../time/lifetime.ts";
import type { ChangeOptions } from "../../request.ts";
import type { StandardSchema } from "../../data/schema.ts";

/** Options of `createRecords`. */
export interface RecordOptions<T = unknown> {
  /** The name of these records. Their keys begin with `record:` and the prefix. */
  readonly prefix: string;
  /** For how long a record lives after its last change, in milliseconds, or "permanent". */
  readonly ttl: Lifetime;
  /**
   * Checks what is set, what an update would make, and what is read: a schema of zod, valibot, arktype, or any other that follows the Standard
   * Schema. It must accept what it gives: what is read was given by it before.
   * @default none: nothing is checked
   */
  readonly schema?: StandardSchema<T> | undefined;
  /**
   * The largest size of a record, in bytes: the names of its properties and their values as JSON.
   * @default 100_000
   */
  readonly maxBytes?: number | undefined;
  /**
   * For how long a `requestId` is remembered, in milliseconds: a minute or more.
   * @default hours(24)
   */
  readonly requestTtl?: number | undefined;
}

/** A record as it was read. */
export interface StoredRecord<T> {
  /** Its properties. */
  readonly data: T;
  /**
   * A number that grows with each change of the record. Compare it and give it back; it is no count of changes. It is 0 if only other
   * programs have written the record.
   */
  readonly version: number;
}

/** What a change gives. */
export interface RecordVersion {
  /** The version that the change has made. */
  readonly version: number;
}

/** Options of one read. */
export interface RecordReadOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of one change. */
export interface RecordChangeOptions extends ChangeOptions {
  /**
   * For how long the record lives from now, in milliseconds, or "permanent".
   * @default the `ttl` of `createRecords`
   */
  readonly ttl?: Lifetime | undefined;
}

/** Options of `set`. */
export interface RecordSetOptions extends RecordChangeOptions {
  /**
   * The version that the record must have, and `null` if there must be none yet: `{ version: found?.version ?? null }`.
   * @default any, or none
   */
  readonly version?: number | null | undefined;
}

/** Options of `update`. */
export interface RecordUpdateOptions extends RecordChangeOptions {
  /**
   * The version that the record must have.
   * @default any
   */
  readonly version?: number | undefined;
}

/** Options of `modifyRecord`. */
export interface ModifyRecordOptions extends RecordChangeOptions {
  /**
   * The largest number of attempts while others keep changing the record.
   * @default 50
   */
  readonly attempts?: number | undefined;
}

/** Options of `delete`. */
export interface RecordDeleteOptions extends ChangeOptions {
  /**
   * The version that the record must have.
   * @default any, or none
   */
  readonly version?: number | undefined;
}

/** New values of properties. `undefined` removes a property. */
export type RecordPatch<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** The names of the properties that hold numbers, or that may hold anything. */
export type NumberProperty<T> = {
  [K in keyof T]-?: unknown extends T[K] ? K : [Exclude<T[K], undefined>] extends [number] ? K : never;
}[keyof T] &
  string;
