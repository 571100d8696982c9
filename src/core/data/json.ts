import { byteLength } from "../check.ts";
import { OptionError, ValueTooLargeError } from "../errors.ts";
import { codeOf } from "../failure.ts";

/**
 * Turns a value into JSON that gives it back as it was. A property whose value is `undefined` is left out: it reads as before.
 * @param name The name of the whole in the error.
 * @param remedy The end of the error's message.
 * @throws {OptionError} JSON would change a part, such as a date, which comes back as text; the error tells its path and its type. Or
 * the value contains itself, or is too deep.
 */
export function encodeJson(value: unknown, name: string, remedy: string): string {
  const paths = new Map<unknown, string>();
  function check(this: object, key: string): unknown {
    // The argument of a replacer is what `toJSON` made of the part.
    const part: unknown = Reflect.get(this, key);
    const within = paths.get(this);
    const isItem = Array.isArray(this);
    // JSON turns an item that is `undefined`, or a hole, into `null`.
    if (part === undefined && within !== undefined && !isItem) return undefined;
    const path = within === undefined ? name : within + (isItem ? `[${key}]` : `.${key}`);
    const fault = faultOf(part);
    if (fault)
      throw new OptionError(`\`${path.slice(0, 256)}\` ${fault}, which JSON does not give back as it was; ${remedy}`);
    if (typeof part === "object") paths.set(part, path);
    return part;
  }
  try {
    return JSON.stringify(value, check);
  } catch (cause) {
    if (codeOf(cause) === "OPTION") throw cause;
    throw new OptionError(`\`${name}\` contains itself or is too deep for JSON; ${remedy}`, { cause });
  }
}

/** Says what is wrong with a part that JSON does not carry. */
function faultOf(part: unknown): string | undefined {
  if (part === null || typeof part === "string" || typeof part === "boolean") return undefined;
  if (part === undefined) return "is undefined";
  if (typeof part === "number") return Number.isFinite(part) ? undefined : `is ${part}`;
  if (typeof part !== "object") return `is of type ${typeof part}`;
  if (typeof Reflect.get(part, "toJSON") !== "function" && (Array.isArray(part) || isPlain(part))) {
    return hasSymbol(part) ? "has a property whose name is a symbol" : undefined;
  }
  const { name } = Object(Reflect.get(part, "constructor"));
  return typeof name === "string" && name !== "" ? `is of type ${name}` : "is an instance of a class";
}

/** Whether the name of a property is a symbol. What a library hides, as marks of its own, is no property of the data. */
export function hasSymbol(part: object): boolean {
  return Object.getOwnPropertySymbols(part).some((symbol) => Object.prototype.propertyIsEnumerable.call(part, symbol));
}

/** An object literal, of this realm or another, or an object without a prototype. */
export function isPlain(part: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(part);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * Turns data into JSON of at most `maxBytes`.
 * @param name The name of the data in an error.
 * @throws {OptionError} JSON does not give the data back as it was. The error names the place.
 * @throws {ValueTooLargeError} It is too large.
 */
export function encodeData(data: unknown, name: string, maxBytes: number): string {
  const text = encodeJson(data, name, "pass plain JSON");
  const bytes = byteLength(text, maxBytes);
  if (bytes <= maxBytes) return text;
  throw new ValueTooLargeError(bytes, maxBytes, "store a reference, such as an id or a URL, or raise it");
}
