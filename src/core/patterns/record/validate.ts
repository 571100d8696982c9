import type { RecordContext } from "./context.ts";
import { RecordInvalidError } from "./errors.ts";
import { checkObject } from "./format.ts";

type Properties = Readonly<Record<string, unknown>>;

/**
 * Gives what the schema makes of a record; without one, the record.
 * @param storedId The id of the record, if it was read and is not yet to be written.
 * @throws {RecordInvalidError} It does not fit.
 */
export async function validate({ schema }: RecordContext, value: Properties, storedId?: string): Promise<Properties> {
  if (!schema) return value;
  // A property that is `undefined` is none: some schemas tell the two apart.
  const present = Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined));
  const result = await schema["~standard"].validate(present);
  if (result.issues) throw new RecordInvalidError(result.issues, storedId);
  return checkObject("The value of `schema`", result.value);
}
