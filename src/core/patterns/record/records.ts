import { bindInside } from "../../internals.ts";
import type { Redis } from "../../port/redis.ts";
import { unchecked } from "../../unchecked.ts";
import { deleteRecord, incrementProperty, setRecord } from "./change.ts";
import { createContext, records } from "./context.ts";
import type {
  NumberProperty,
  RecordChangeOptions,
  RecordDeleteOptions,
  RecordOptions,
  RecordPatch,
  RecordReadOptions,
  RecordSetOptions,
  RecordUpdateOptions,
  RecordVersion,
  StoredRecord,
} from "./options.ts";
import { getRecord, getRecords } from "./read.ts";
import { updateRecord } from "./update.ts";

/** Records of one kind, each a hash of Redis with one field for each property. */
export interface Records<T extends object> {
  /**
   * Replaces the whole record, or makes it. A property whose value is `undefined` is left out.
   * @throws {OptionError} An argument can never work, or a value is not one that JSON gives back, such as a date; the error names the place.
   * @throws {ConflictError} The record has not the wanted `version`. Nothing was changed.
   * @throws {RecordInvalidError} The record does not fit `schema`.
   * @throws {ValueTooLargeError} It is larger than `maxBytes`.
   */
  set(id: string, value: T, options?: RecordSetOptions): Promise<RecordVersion>;
  /**
   * Reads a record, or `null` if there is none.
   * @throws {RecordDataError} Another program wrote a property that is no JSON.
   * @throws {RecordInvalidError} The record does not fit `schema`.
   */
  get(id: string, options?: RecordReadOptions): Promise<StoredRecord<T> | null>;
  /**
   * Reads up to 1,000 records in one trip, in the order of the ids. It throws as `get` does if one of them cannot be read.
   * @throws {OptionError} There are more ids.
   */
  getMany(ids: readonly string[], options?: RecordReadOptions): Promise<(StoredRecord<T> | null)[]>;
  /**
   * Changes some properties and leaves the others as they are; `undefined` removes a property. With a `schema` it reads the record first, so
   * that the whole is checked, and begins anew if others change it meanwhile.
   * @returns The new version, or `null` if there is no such record: nothing was changed then.
   * @throws {OptionError} An argument can never work, or a value is not one that JSON gives back.
   * @throws {ConflictError} The record has not the wanted `version`. Nothing was changed.
   * @throws {RecordInvalidError} The record would not fit `schema`. Nothing was changed.
   * @throws {ValueTooLargeError} The record would be larger than `maxBytes`. Nothing was changed.
   */
  update(id: string, partial: RecordPatch<T>, options?: RecordUpdateOptions): Promise<RecordVersion | null>;
  /**
   * Adds to one property, which counts from 0 if the record has none of this name. A schema is not asked.
   * @param by A whole number, which may be negative. 1 by default.
   * @returns The new number, or `null` if there is no such record: nothing was changed then.
   * @throws {OptionError} `by` is not a whole number.
   * @throws {RecordDataError} The property holds no whole number, or would leave -(2^53 - 1) to 2^53 - 1. Nothing was changed.
   * @throws {ValueTooLargeError} The property is new, and the record would be larger than `maxBytes`. Nothing was changed.
   */
  increment(
    id: string,
    property: NumberProperty<T>,
    by?: number,
    options?: RecordChangeOptions,
  ): Promise<number | null>;
  /**
   * Deletes a record.
   * @returns Whether there was one.
   * @throws {ConflictError} The record has not the wanted `version`. It was not deleted.
   */
  delete(id: string, options?: RecordDeleteOptions): Promise<boolean>;
}

/**
 * Creates records: objects whose properties are read together, and changed and counted one by one.
 * @throws {OptionError} An option can never work.
 * @example
 * const profiles = createRecords<{ name: string; visits: number }>(redis, { prefix: "profile", ttl: days(30) });
 * await profiles.set("42", { name: "Ada", visits: 0 });
 * await profiles.increment("42", "visits");
 * const profile = await profiles.get("42");
 * if (profile) await profiles.update("42", { name: "Ada L." }, { version: profile.version });
 */
export function createRecords<T extends object>(redis: Redis, options: RecordOptions<T>): Records<T> {
  const context = createContext(redis, options);
  const made: Records<T> = {
    set: (id, value, call) => setRecord(context, id, value, call),
    // Without a schema, the type of the data is the caller's word.
    get: (id, call) => unchecked(getRecord(context, id, call)),
    getMany: (ids, call) => unchecked(getRecords(context, ids, call)),
    update: (id, partial, call) => updateRecord(context, id, partial, call),
    increment: (id, property, by = 1, call) => incrementProperty(context, id, property, by, call),
    delete: (id, call) => deleteRecord(context, id, call),
  };
  return bindInside(records, made, context);
}
