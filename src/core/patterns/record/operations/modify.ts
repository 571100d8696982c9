import { checkFunction } from "../../../check.ts";
import { checkChange } from "../../../request.ts";
import { unchecked } from "../../../unchecked.ts";
import { contextOf, type RecordContext } from "../context.ts";
import { checkObject, checkRemoved, encodeProperties, fieldOf, type ReadFields } from "../format.ts";
import type { ModifyRecordOptions, RecordVersion } from "../options.ts";
import { openRecord } from "../read.ts";
import type { Records } from "../records.ts";
import { type Patch, patchWithRetries } from "../update.ts";
import { validate } from "../validate.ts";

/**
 * Makes a new record of the one that is there, such as when the new value of a property depends on another one. If others change the record
 * meanwhile, nothing is written, and `change` runs again with what is there now: of several changes at once none is lost. What differs
 * is written, and nothing else.
 * @param change Gets the data of the record, or `null` if there is none, and gives the data that it shall have. It may run several times.
 * @returns The version that it has made.
 * @throws What `change` throws. Nothing was changed.
 * @throws {ConflictError} Others changed the record before each of `attempts` attempts.
 * @throws {RecordInvalidError} The stored record does not fit `schema`, or the new one would not.
 * @throws {RecordDataError} Another program wrote a property that is no JSON.
 * @throws {OptionError} An argument can never work, or a value is not one that JSON gives back.
 * @throws {ValueTooLargeError} The record would be larger than `maxBytes`. Nothing was changed.
 * @example
 * const carts = createRecords<{ items: string[] }>(redis, { prefix: "cart", ttl: days(7) });
 * await modifyRecord(carts, "42", (cart) => ({ items: [...(cart?.items ?? []), "book"] }));
 */
export async function modifyRecord<T extends object>(
  records: Records<T>,
  id: string,
  change: (data: T | null) => T | Promise<T>,
  options?: ModifyRecordOptions,
): Promise<RecordVersion> {
  const context = contextOf(records);
  const { attempts, ...rest } = checkChange(options) ?? {};
  const call = { id, operation: "modify", options: rest, attempts } as const;
  checkFunction("change", change);
  const made = await patchWithRetries(context, call, async (read) => {
    const found = await openRecord(context, read);
    // What a change leaves out is removed, also where it changes the object that it was given.
    const names = Object.keys(found?.data ?? {});
    const next: unknown = await change(unchecked<T | null>(found?.data ?? null));
    return patchBetween(
      context,
      read,
      names,
      checkObject("The result of `change`", next, "; to delete the record, use records.delete"),
    );
  });
  // It is never without a record: the change makes one.
  return unchecked(made);
}

/** @param names The properties that the change was given. Others, which only a later version of the program knows, stay. */
async function patchBetween(
  context: RecordContext,
  read: ReadFields | null,
  names: readonly string[],
  next: Readonly<Record<string, unknown>>,
): Promise<Patch> {
  const whole = encodeProperties("record", await validate(context, next));
  const removed = names.map(fieldOf).filter((field) => !whole.has(field));
  const changed = Array.from(whole).filter(([field, text]) => read?.fields.get(field) !== text);
  return { fields: new Map(changed), removed: checkRemoved(removed) };
}
