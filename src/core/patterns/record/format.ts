import { byteLength } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { encodeJson, hasSymbol, isPlain } from "../../data/json.ts";
import { keyOf } from "../../keys.ts";
import { RecordDataError } from "./errors.ts";

// A record is a hash with one field for each property, whose value is JSON. Fields that begin with a colon belong to this pattern.

export function recordKey(namespace: string, id: string): string {
  return keyOf(namespace, id);
}

/** The field that holds the version. Its name says that the record is of the first format. */
export const versionField = ":v1";

/** The most properties of a record. Names and values are arguments of one command, and Lua takes 8,000. */
export const maxProperties = 1_000;

/** The most properties that one change removes. Only other programs write so many. They are arguments of one command, too. */
const maxRemoved = 4_000;

/** A property as it is stored: the field, and the JSON of its value. */
export type Stored = ReadonlyMap<string, string>;

/**
 * The field of a property: its name. A name that is empty, begins with a colon, or has a lone surrogate, which UTF-8 does not carry, becomes
 * a colon and its JSON.
 */
export function fieldOf(name: string): string {
  return name === "" || name.startsWith(":") || /\p{Surrogate}/u.test(name) ? `:${JSON.stringify(name)}` : name;
}

/** The name of the property, or `undefined` for a field of the pattern's own. */
function nameOf(field: string): string | undefined {
  if (!field.startsWith(":")) return field;
  try {
    const name: unknown = JSON.parse(field.slice(1));
    // One property has one field.
    return typeof name === "string" && fieldOf(name) === field ? name : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Checks that a value is an object as JSON has it.
 * @param subject What the value is, which begins the message of an error.
 * @param remedy The end of the message.
 * @throws {OptionError} It is an array, an instance of a class, or no object, or a property has a symbol for its name.
 */
export function checkObject(subject: string, value: unknown, remedy = ""): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value) || !isPlain(value)) {
    throw new OptionError(`${subject} must be a plain object, such as { name: "Ada" }${remedy}`);
  }
  if (hasSymbol(value)) throw new OptionError(`${subject} must not have a property whose name is a symbol`);
  return { ...value };
}

/**
 * Encodes the properties that are not `undefined`.
 * @throws {OptionError} A value is not one that JSON gives back, or there are too many properties. The error names the place.
 */
export function encodeProperties(name: string, properties: Readonly<Record<string, unknown>>): Stored {
  const stored = new Map<string, string>();
  for (const property of Object.keys(properties)) {
    const value = properties[property];
    if (value === undefined) continue;
    // A text is plain JSON for sure.
    const isText = typeof value === "string";
    const json = isText ? JSON.stringify(value) : encodeJson(value, `${name}.${property}`, "pass plain JSON");
    stored.set(fieldOf(property), json);
    if (stored.size > maxProperties) {
      throw new OptionError(
        `\`${name}\` must have at most ${maxProperties} properties; keep a list or a map as one of them`,
      );
    }
  }
  return stored;
}

/** @throws {OptionError} One change cannot remove so many fields. */
export function checkRemoved(fields: readonly string[]): readonly string[] {
  if (fields.length <= maxRemoved) return fields;
  throw new OptionError(
    `A change must remove at most ${maxRemoved} properties; remove more by several calls of update`,
  );
}

/** The size of the fields with their values, in bytes. It is exact where it may exceed the limit. */
export function sizeOf(fields: Stored, limit: number): number {
  let bytes = 0;
  for (const [field, text] of fields) bytes += byteLength(field, limit) + byteLength(text, limit);
  return bytes;
}

/** Each field and its text, one after the other. */
export function flatten(stored: Stored): string[] {
  const list: string[] = [];
  for (const [field, text] of stored) list.push(field, text);
  return list;
}

/** A record as it was read: its id, its fields, and its version, which is 0 if only other programs have written it. */
export interface ReadFields {
  readonly id: string;
  readonly fields: Stored;
  readonly version: number;
}

/**
 * Reads the reply of HGETALL. `null`: there is no record.
 * @param id Names the record in an error.
 * @throws {RecordDataError} It has a later format.
 */
export function readFields(reply: readonly string[], id: string): ReadFields | null {
  if (reply.length === 0) return null;
  const fields = new Map<string, string>();
  let version = 0;
  for (let i = 0; i < reply.length; i += 2) {
    const { [i]: field = "", [i + 1]: text = "" } = reply;
    if (field === versionField) version = readVersion(text);
    else if (field.startsWith(":v") && /^:v\d+$/.test(field)) throw laterFormat(id);
    else if (nameOf(field) !== undefined) fields.set(field, text);
  }
  return { id, fields, version };
}

/** The record has a format that only later versions know. */
export function laterFormat(id: string): RecordDataError {
  return new RecordDataError("was written by a later version of this package; update this one", id);
}

/** What is no version counts as none, here and in the scripts. */
function readVersion(text: string): number {
  return /^[1-9]\d{0,15}$/.test(text) ? Number(text) : 0;
}

const ordinary = { configurable: true, enumerable: true, writable: true };

/**
 * Decodes the values.
 * @throws {RecordDataError} One is no JSON, as where another program wrote bare text.
 */
export function decodeProperties({ fields, id }: ReadFields): Readonly<Record<string, unknown>> {
  const decode = (field: string, text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      // Its error would show a part of the value.
      throw new RecordDataError(`holds no JSON: a text is stored in quotes, as "Ada"`, id, nameOf(field));
    }
  };
  const properties: Record<string, unknown> = {};
  for (const [field, text] of fields) {
    const name = nameOf(field) ?? "";
    // An assignment to `__proto__` makes no property.
    if (name === "__proto__") Object.defineProperty(properties, name, { ...ordinary, value: decode(field, text) });
    else properties[name] = decode(field, text);
  }
  return properties;
}
