import { Refusal } from "./response.ts";

/** What is done with each word that may be more than ASCII. */
type Encode = (text: string) => string;

const keep: Encode = (text) => text;

/** Parses a command such as `["SET", "key", 1]`. Numbers and booleans become text, exactly as they were written. */
export function parseCommand(body: Uint8Array, complaint: string, encode = keep): string[] {
  return parse(body, 1, complaint, encode, toWords);
}

/** Parses commands such as `[["SET", "key", 1], ["GET", "key"]]`. */
export function parseCommands(body: Uint8Array, complaint: string, encode = keep): string[][] {
  return parse(body, 2, complaint, encode, (lists, encode) => toList(lists).map((list) => toWords(list, encode)));
}

function parse<T>(
  body: Uint8Array,
  depth: number,
  complaint: string,
  encode: Encode,
  read: (value: unknown, encode: Encode) => T,
): T {
  try {
    const json = utf8.decode(body);
    // Only ASCII has a character for each byte, and only an escape can add what is not.
    const isAscii = json.length === body.length && !json.includes("\\u");
    const isPlain = json.length < plainLength && !maybeNumber.test(json);
    return read(JSON.parse(isPlain ? json : quoteNumbers(json, depth)), isAscii ? keep : encode);
  } catch (cause) {
    throw new Refusal(400, complaint, { cause });
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Where a number may begin in lists. Inside of a string it is a false alarm, which costs time only. */
const maybeNumber = /[[,]\s*[-\d]/;

/** The length up to which JSON without numbers is parsed as it is, however deep its lists are. */
const plainLength = 262_144;

function toWords(value: unknown, encode: Encode): string[] {
  return toList(value).map((word) => {
    if (typeof word === "string") return encode(word);
    if (typeof word === "boolean") return String(word);
    throw new TypeError("An argument must be a string, a number or a boolean");
  });
}

function toList(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError("A request and its commands must be lists");
}

/**
 * Puts every number between quotes, since JSON.parse would round `9007199254740993` and rewrite `1e21`. Objects and lists that are too deep
 * are refused here, before JSON.parse builds them.
 */
function quoteNumbers(json: string, depth: number): string {
  let quoted = "";
  let open = 0;
  for (let at = 0; at < json.length;) {
    const quote = json.indexOf('"', at);
    const start = quote < 0 ? json.length : quote;
    const plain = json.slice(at, start);
    if (plain !== ",") open += countNesting(plain, depth - open);
    at = quote < 0 ? json.length : findStringEnd(json, quote);
    quoted += (plain === "," ? plain : plain.replace(jsonNumber, '"$&"')) + json.slice(start, at);
  }
  return quoted;
}

/** A number in JSON. Two numbers that touch, as in `01`, become two strings that touch, which JSON.parse refuses. */
const jsonNumber = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/** The number of lists that the text opens, less those that it closes. */
function countNesting(plain: string, room: number): number {
  let open = 0;
  for (const mark of plain.match(/[[\]{}]/g) ?? []) {
    open += mark === "[" ? 1 : -1;
    if (mark === "{" || open > room) throw new TypeError("Too deep, or an object");
  }
  return open;
}

/** The position after the closing quote, which is the first with an even number of backslashes before it. */
function findStringEnd(json: string, start: number): number {
  for (let quote = json.indexOf('"', start + 1); quote >= 0; quote = json.indexOf('"', quote + 1)) {
    let slashes = 0;
    while (json[quote - 1 - slashes] === "\\") slashes += 1;
    if (slashes % 2 === 0) return quote + 1;
  }
  return json.length;
}
