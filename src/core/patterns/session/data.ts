import { OptionError } from "../../errors.ts";
import { unchecked } from "../../unchecked.ts";
import type { SessionCodec } from "./codec.ts";
import type { SessionContext } from "./context.ts";
import { SessionTooLargeError } from "./errors.ts";
import { decodeName, encodeName, escapeLine, unescapeLine } from "./format/record.ts";

/** New values of fields; `undefined` deletes a field. */
export type SessionPatch<Data> = { readonly [K in keyof Data]?: Data[K] | undefined };

/** A patch as the scripts take it. */
export interface EncodedPatch {
  /** The number of names to delete. */
  readonly removed: number;
  /** Names to delete, then names and values. */
  readonly fields: readonly string[];
}

/** Lua hands at most some 8,000 values over at once. */
const maxFields = 1_000;

export function encodePatch({ codec, maxBytes }: SessionContext, patch: object): EncodedPatch {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch))
    throw new OptionError("`data` must be an object of fields");
  const entries = Object.entries(patch);
  if (entries.length > maxFields) throw new OptionError(`A session has at most ${maxFields} fields; nest some of them`);
  const removed: string[] = [];
  const written: string[] = [];
  for (const [name, value] of entries) {
    if (value === undefined) removed.push(encodeName(name));
    else written.push(encodeName(name), escapeLine(codec.encode(value)));
  }
  const fields = [...removed, ...written];
  // The colon before each name does not count.
  const size = fields.reduce((sum, text) => sum + text.length, -entries.length);
  if (size > maxBytes) throw new SessionTooLargeError(maxBytes);
  return { removed: removed.length, fields };
}

/** @param lines Those of a snapshot. */
export function decodeData({ codec }: SessionContext, lines: readonly string[]): object {
  return Object.fromEntries(decodeFields(codec, lines, 1));
}

/** Gives the data as the patch leaves it. The patch goes through the codec, so that the session shares no object with it. */
export function applyPatch<Data extends object>(
  { codec }: SessionContext,
  data: Data,
  { removed, fields }: EncodedPatch,
): Data {
  const next = Object.fromEntries([...Object.entries(data), ...decodeFields(codec, fields, removed)]);
  for (const name of fields.slice(0, removed)) delete next[decodeName(name)];
  return unchecked<Data>(next);
}

function decodeFields(codec: SessionCodec, lines: readonly string[], from: number): unknown[][] {
  const found: unknown[][] = [];
  for (let i = from; i < lines.length; i += 2) {
    const value = unescapeLine(lines[i + 1] ?? "");
    found.push([decodeName(lines[i] ?? ""), codec.decode(value)]);
  }
  return found;
}
