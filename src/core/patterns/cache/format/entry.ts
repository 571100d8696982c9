import { OptionError } from "../../../errors.ts";
import { keyOf } from "../../../keys.ts";

/** What every entry of this format begins with. It is not JSON, so that no client parses it on the way, and it names the version. */
const mark = "~1";

/** The part of an entry that describes its payload. */
export interface EntryHead {
  /** How long the entry is kept after it stopped being fresh, in milliseconds. */
  readonly extra: number;
  /** How long the load took, in milliseconds. */
  readonly delta: number;
  /** The nonces that the entry's tags had before the load began. */
  readonly tags: ReadonlyMap<string, string>;
}

/** An entry as it was read. */
export interface Entry<T> extends EntryHead {
  readonly value: T;
}

/** A value, boxed, since `undefined` is one. */
export type Decoded<T> = { readonly value: T } | undefined;

/** A payload and the letter that says how to read it: `j` is JSON, `u` is `undefined`. */
export interface Payload {
  readonly kind: string;
  readonly text: string;
}

/**
 * Writes an entry: `~1`, the payload's kind, and after commas the stale time and the load time in base 36, a random stamp that tells
 * two writes of equal values apart, and one `tag=nonce` for each tag; then a semicolon and the payload. A time of 0 is left empty.
 */
function encodeEntry({ kind, text }: Payload, { extra, delta, tags }: EntryHead): string {
  const pairs = Array.from(tags, ([tag, nonce]) => `,${tag.replace(/[%,;=]/g, encodeURIComponent)}=${nonce}`);
  return `${mark}${kind},${base36(extra)},${base36(delta)},${createStamp()}${pairs.join("")};${text}`;
}

/** Reads an entry's head and payload, or `undefined` if it is not of this format and version. */
function decodeEntry(raw: string): (EntryHead & { readonly payload: Payload }) | undefined {
  const end = raw.startsWith(mark) ? raw.indexOf(";") : -1;
  if (end < 0) return undefined;
  const [kind = "", extra = "", delta = "", , ...pairs] = raw.slice(mark.length, end).split(",");
  const tags = pairs
    .map((pair) => pair.split("="))
    .map(([tag = "", nonce = ""]) => [decodeURIComponent(tag), nonce] as const);
  return {
    extra: parseInt(extra, 36) || 0,
    delta: parseInt(delta, 36) || 0,
    tags: new Map(tags),
    payload: { kind, text: raw.slice(end + 1) },
  };
}

/** How an entry of JSON without stale time begins. */
const plainStart = `${mark}j,,`;

/**
 * Reads an entry of JSON that has neither stale time nor tags, without taking its head apart: the hit path was measured with it.
 * `undefined` stands for any other entry.
 */
export function decodePlain<T>(raw: string): Decoded<T> {
  const end = raw.startsWith(plainStart) ? raw.indexOf(";") : -1;
  if (end < 0 || raw.lastIndexOf("=", end) > 0) return undefined;
  try {
    return { value: JSON.parse(raw.slice(end + 1)) };
  } catch {
    return undefined;
  }
}

/** Lua: the stale time, in milliseconds, of an entry of this format in the local `raw`. */
export const extraLua = `tonumber(string.match(raw, "^[^,;]*,(%w*)") or "", 36) or 0`;

/** The head of an entry with its stamp, up to the semicolon; unlike any other entry's. */
function headOf(raw: string): string {
  return raw.slice(0, raw.indexOf(";") + 1) || raw.slice(0, 64);
}

/**
 * Creates 8 random characters of 4 bits each, for what need not be told from more than its predecessors. Of all that the platforms
 * have, `randomUUID` costs least: Node draws for many at once.
 */
export function createStamp(): string {
  return crypto.randomUUID().slice(0, 8);
}

function base36(ms: number): string {
  return ms > 0 ? Math.round(ms).toString(36) : "";
}

/** How entries look in Redis. */
export interface EntryFormat {
  /** What entries of this format begin with. */
  readonly mark: string;
  /** The options that entries of this format have no room for. */
  readonly refuses: readonly string[];
  /** The keys of one entry, which share a Cluster slot. */
  keys(prefix: string, id: string): { readonly entry: string; readonly lease: string };
  write(payload: Payload, head: EntryHead): string;
  /** Reads an entry, or `undefined` if it is not of this format and version. */
  read(raw: string): (EntryHead & { readonly payload: Payload }) | undefined;
  /** The start of an entry, unlike any other entry's. */
  headOf(raw: string): string;
}

/** Refuses what was given and has no room in entries of this format. */
export function refuseBeyond({ refuses }: EntryFormat, given: (name: string) => unknown): void {
  const beyond = refuses.find(given);
  if (beyond) throw new OptionError(`\`${beyond}\` needs the envelope; leave it out, or \`format\``);
}

/** The format of this package: values of every kind, with their times and tags. */
export const framed: EntryFormat = {
  mark,
  refuses: [],
  keys(prefix, id) {
    const entry = keyOf(prefix, id);
    return { entry, lease: `${entry}:lease` };
  },
  write: encodeEntry,
  read: decodeEntry,
  headOf,
};
