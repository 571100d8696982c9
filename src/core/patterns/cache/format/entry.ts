import { OptionError } from "../../../errors.ts";
import { decodeId, encodeId } from "../../../keys.ts";
import { type CacheNames, type EntryKeys, entryKeys } from "./keys.ts";

/** The beginning of every entry of this format. It names the version, and is not JSON, so that no client parses an entry on the way. */
const mark = "~1";

/** The part of an entry that describes its payload. */
export interface EntryHead {
  /** The time for which the entry is kept after it stopped being fresh, in milliseconds. */
  readonly staleTime: number;
  /** The time that the load took, in milliseconds. */
  readonly loadTime: number;
  /** The nonces that the tags of the entry had before its load began, by tag. */
  readonly tags: ReadonlyMap<string, string>;
}

/** A decoded entry. */
export interface Entry<T> extends EntryHead {
  readonly value: T;
}

/** A value, boxed, since `undefined` is one. */
export type Decoded<T> = { readonly value: T } | undefined;

/** A value as it is stored. */
export interface Payload {
  /** Says how to read the text: `j` is JSON, `u` is `undefined`; other kinds name the codec and the compression that wrote it. */
  readonly kind: string;
  readonly text: string;
}

/**
 * Encodes an entry: `~1`, the kind of the payload, and after commas the stale time and the load time in base 36, a random stamp that
 * makes two writes of equal values differ, and one `tag=nonce` for each tag; then a semicolon and the payload. A time of 0 is left empty.
 */
function encodeEntry({ kind, text }: Payload, { staleTime, loadTime, tags }: EntryHead): string {
  const pairs = Array.from(tags, ([tag, nonce]) => `,${encodeTag(tag)}=${nonce}`);
  return `${mark}${kind},${base36(staleTime)},${base36(loadTime)},${createStamp()}${pairs.join("")};${text}`;
}

/** Decodes an entry, or returns `undefined` if it is not of this format and version. */
function decodeEntry(raw: string): (EntryHead & { readonly payload: Payload }) | undefined {
  const end = raw.startsWith(mark) ? raw.indexOf(";") : -1;
  if (end < 0) return undefined;
  const [kind = "", staleTime = "", loadTime = "", , ...pairs] = raw.slice(mark.length, end).split(",");
  const tags = pairs.map((pair) => pair.split("=")).map(([tag = "", nonce = ""]) => [decodeTag(tag), nonce] as const);
  return {
    staleTime: parseInt(staleTime, 36) || 0,
    loadTime: parseInt(loadTime, 36) || 0,
    tags: new Map(tags),
    payload: { kind, text: raw.slice(end + 1) },
  };
}

/** The tag of a clearable cache is empty. Half of a pair of surrogates would be lost in UTF-8. */
function encodeTag(tag: string): string {
  return (tag && encodeId(tag)).replace(/[,;=]/g, encodeURIComponent);
}

function decodeTag(encoded: string): string {
  return decodeId(encoded.replace(/%(2C|3B|3D)/g, decodeURIComponent));
}

/** The beginning of an entry of JSON without stale time. */
const plainStart = `${mark}j,,`;

/**
 * Decodes an entry of JSON that has no stale time and no tags; any other is `undefined`. It does not take the head apart: the time of a hit
 * was measured with it.
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
export const staleTimeLua = `tonumber(string.match(raw, "^[^,;]*,(%w*)") or "", 36) or 0`;

/** The head of an entry, which its stamp makes unlike that of any other. */
function headOf(raw: string): string {
  return raw.slice(0, raw.indexOf(";") + 1) || raw.slice(0, 64);
}

/**
 * Creates a text of 32 random bits, enough to make an entry or a nonce differ from the few before it. Of all random sources of the
 * platforms `randomUUID` costs least: Node draws for many at once.
 */
export function createStamp(): string {
  return crypto.randomUUID().slice(0, stampLength);
}

/** The number of characters of a stamp. */
export const stampLength = 8;

function base36(ms: number): string {
  return ms > 0 ? Math.round(ms).toString(36) : "";
}

/** The form of entries in Redis. */
export interface EntryFormat {
  /** The text that every entry of this format begins with. */
  readonly mark: string;
  /** The options that entries of this format have no room for. */
  readonly refuses: readonly string[];
  /** The keys of one entry, which share a Cluster slot. */
  keys(names: CacheNames, id: string): EntryKeys;
  /** Encodes an entry. */
  write(payload: Payload, head: EntryHead): string;
  /** Decodes an entry, or returns `undefined` if it is not of this format and version. */
  read(raw: string): (EntryHead & { readonly payload: Payload }) | undefined;
  /** The beginning of an entry, unlike that of any other entry. */
  headOf(raw: string): string;
}

/**
 * Refuses an option or argument that the format has no room for.
 * @throws {OptionError} One was given.
 */
export function refuseUnsupported({ refuses }: EntryFormat, given: (name: string) => unknown): void {
  const unsupported = refuses.find(given);
  if (unsupported) throw new OptionError(`\`${unsupported}\` needs the envelope; leave it out, or \`format\``);
}

/** The format of this package: values of every kind, with their times and tags. */
export const envelope: EntryFormat = {
  mark,
  refuses: [],
  keys: entryKeys,
  write: encodeEntry,
  read: decodeEntry,
  headOf,
};
