import { ConflictError, OptionError, ValueTooLargeError } from "../../errors.ts";
import { checkLifetime } from "../../time/lifetime.ts";
import { checkChange, type ChangeOptions, type Remembered, rememberRequest, subjectOf } from "../../request.ts";
import type { RecordContext } from "./context.ts";
import { RecordDataError } from "./errors.ts";
import {
  checkObject,
  encodeProperties,
  fieldOf,
  flatten,
  laterFormat,
  maxProperties,
  recordKey,
  sizeOf,
  type Stored,
} from "./format.ts";
import type { RecordChangeOptions, RecordDeleteOptions, RecordSetOptions, RecordVersion } from "./options.ts";
import { deleteScript } from "./scripts/delete.lua.ts";
import { incrementScript } from "./scripts/increment.lua.ts";
import { setScript } from "./scripts/set.lua.ts";
import { validate } from "./validate.ts";

/** What every change sends, and how. */
interface Change extends Remembered {
  readonly record: string;
}

/** The keys of one change, and how long it is remembered. */
export function changeOf(context: RecordContext, id: string, operation: string, options: ChangeOptions): Change {
  const { namespace, requestTtl } = context;
  return { record: recordKey(namespace, id), ...rememberRequest(namespace, id, operation, options, requestTtl) };
}

export async function setRecord(
  context: RecordContext,
  id: string,
  value: object,
  options?: RecordSetOptions,
): Promise<RecordVersion> {
  const call: RecordSetOptions = checkChange(options, "{ version, requestId }") ?? {};
  const { version, signal } = call;
  const { record, request, remember } = changeOf(context, id, "set", call);
  const wanted = version === null ? "none" : checkVersion(version);
  const ttl = ttlOf(context, call);
  const stored = encodeProperties("value", await validate(context, checkObject("`value`", value)));
  checkSize(context, stored);
  const values = { record, request, remember, wanted, ttl, fields: flatten(stored) };
  const answer = await setScript(context.redis, values, { signal, idempotent: true });
  return { version: numberOf(context, id, answer) };
}

export async function incrementProperty(
  context: RecordContext,
  id: string,
  property: string,
  by: number,
  options?: RecordChangeOptions,
): Promise<number | null> {
  const { signal, ...call } = checkChange(options, "{ requestId }") ?? {};
  if (typeof property !== "string") throw new OptionError("`property` must be a string");
  if (typeof by === "object") throw new OptionError("`by` must be a whole number, such as 1; options come after it");
  if (!Number.isSafeInteger(by)) {
    throw new OptionError(
      "`by` must be a whole number; keep amounts in their smallest unit, such as cents, or use modifyRecord",
    );
  }
  const change = changeOf(context, id, `increment${await subjectOf(call, [property])}`, call);
  const values = {
    ...change,
    field: fieldOf(property),
    by: by + 0,
    maxBytes: context.maxBytes,
    ttl: ttlOf(context, call),
  };
  const answer = await incrementScript(context.redis, values, { signal, idempotent: true });
  return answer === "none" ? null : numberOf(context, id, answer, property);
}

export async function deleteRecord(
  context: RecordContext,
  id: string,
  options?: RecordDeleteOptions,
): Promise<boolean> {
  const { version, signal, ...call } = checkChange(options, "{ version, requestId }") ?? {};
  const change = changeOf(context, id, "delete", call);
  const values = { ...change, wanted: checkVersion(version) };
  return numberOf(context, id, await deleteScript(context.redis, values, { signal, idempotent: true })) === 1;
}

/** The version that a script is to find; empty for any. */
export function checkVersion(version: number | undefined): string {
  if (version === undefined) return "";
  if (Number.isSafeInteger(version) && version >= 0) return String(version);
  throw new OptionError("`version` must be the `version` of a record that was read");
}

export function ttlOf(context: RecordContext, { ttl }: RecordChangeOptions): number {
  return ttl === undefined ? context.ttl : checkLifetime("ttl", ttl);
}

/** @throws {ValueTooLargeError} The fields alone are too large for a record. */
export function checkSize({ maxBytes }: RecordContext, fields: Stored): void {
  const bytes = sizeOf(fields, maxBytes);
  if (bytes > maxBytes) throw tooLarge(bytes, maxBytes);
}

/**
 * Reads the number that a script answered.
 * @param id The id of the record.
 * @param property The property that it changed, if it was one.
 * @throws What the script refused.
 */
export function numberOf({ maxBytes }: RecordContext, id: string, answer: string, property?: string): number {
  const [word, bytes] = answer.split(" ");
  if (word === "conflict") throw conflict(bytes);
  if (word === "later") throw laterFormat(id);
  if (word === "large") throw tooLarge(Number(bytes), maxBytes);
  if (word === "full") {
    throw new RecordDataError(`would have more than ${maxProperties} properties; keep a list or a map as one`, id);
  }
  if (word === "word")
    throw new RecordDataError("holds no whole number to increment; set it to one first", id, property);
  if (word === "beyond") {
    throw new RecordDataError(
      "would leave the numbers that are exact, from -(2^53 - 1) to 2^53 - 1; keep it as a text",
      id,
      property,
    );
  }
  return Number(word);
}

/** What conflicts, by the words of the scripts. */
const conflicts = new Map<string | undefined, string>([
  ["there", "There is a record already; read it and decide anew, or leave `version` out"],
  ["none", "There is no record any more; make one by `version: null`, or leave `version` out"],
  ["busy", "Others changed the record before each of the attempts; try again later, or raise `attempts`"],
]);

export function conflict(reason?: string): ConflictError {
  const other = "The record has another version than the one that was read; read it again and decide anew";
  return new ConflictError(conflicts.get(reason) ?? other);
}

function tooLarge(bytes: number, maxBytes: number): ValueTooLargeError {
  return new ValueTooLargeError(bytes, maxBytes, "store a reference, such as an id or a URL, or raise it");
}
