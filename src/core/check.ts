import { OptionError } from "./errors.ts";

/** @returns The duration as a whole number of milliseconds, which is at least `least`. */
export function checkDuration(name: string, value: number, least = 1): number {
  if (Number.isFinite(value) && value >= least && value <= Number.MAX_SAFE_INTEGER) return Math.round(value);
  throw new OptionError(`\`${name}\` must be ${least} or more milliseconds and finite, such as seconds(10)`);
}

/** As `checkDuration`, and 0 is allowed. */
export function checkDurationOrZero(name: string, value: number): number {
  return value === 0 ? 0 : checkDuration(name, value);
}

/**
 * Checks the options of one call. They may be absent.
 * @param remedy An example of what was meant, since other libraries take a number in this place.
 */
export function checkOptions<T extends object | undefined>(options: T, remedy = "{ signal }"): T {
  if (options === undefined || (typeof options === "object" && options !== null)) return options;
  throw new OptionError(`\`options\` must be an object, such as ${remedy}`);
}

export function checkCount(name: string, value: number, least = 1): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new OptionError(`\`${name}\` must be a whole number of at least ${least}`);
}

export function checkText(name: string, value: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new OptionError(`\`${name}\` must be a string that is not empty`);
}

export function checkOneOf<const T extends string>(name: string, value: T, words: readonly T[]): T {
  if (words.includes(value)) return value;
  throw new OptionError(`\`${name}\` must be one of ${words.map((word) => `"${word}"`).join(", ")}`);
}

export function checkFunction<T>(name: string, value: T): T {
  if (typeof value === "function") return value;
  throw new OptionError(`\`${name}\` must be a function`);
}

export function checkList<T>(name: string, value: readonly T[]): readonly T[] {
  if (Array.isArray(value)) return value;
  throw new OptionError(`\`${name}\` must be an array`);
}

/**
 * Checks that an option has the methods. It may be absent.
 * @param remedy The rest of the message: what the option must be.
 */
export function checkMethods<T>(name: string, value: T, remedy: string, ...methods: readonly string[]): T {
  if (value === undefined) return value;
  if (methods.every((method) => typeof Reflect.get(Object(value), method) === "function")) return value;
  throw new OptionError(`\`${name}\` must be ${remedy}`);
}

/** Checks the two arguments of a factory: a port, known by its methods, and an object of options. */
export function checkPort<T extends { send: unknown; pipeline: unknown }>(redis: T, options: object): T {
  if (typeof options !== "object" || options === null) throw new OptionError("`options` must be an object");
  if (typeof redis?.send === "function" && typeof redis.pipeline === "function") return redis;
  throw new OptionError(
    "`redis` must be an adapter: ioredis(client), rest({ url, token }), upstash(client) or memory()",
  );
}

export function checkFlag(name: string, value: boolean): boolean {
  if (typeof value === "boolean") return value;
  throw new OptionError(`\`${name}\` must be true or false`);
}

/** The length in UTF-8. It is measured only where it may exceed the limit: a UTF-16 unit takes at most three bytes. */
export function byteLength(text: string, limit: number): number {
  return text.length * 3 <= limit ? text.length : new TextEncoder().encode(text).length;
}
