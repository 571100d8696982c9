import { OptionError } from "../../errors.ts";
import { unchecked } from "../../unchecked.ts";
import type { SessionCodec } from "./codec.ts";
import type { Context } from "./context.ts";
import { SessionTooLargeError } from "./errors.ts";
import { decodeName, encodeName, escapeLine, unescapeLine } from "./format/record.ts";

/** New values of fields; `undefined` deletes a field. */
export type SessionPatch<Data> = { readonly [K in keyof Data]?: Data[K] | undefined };

/** A patch as the scripts take it. */
export interface EncodedPatch {
  /** How many of the fields are only names, to be deleted. */
  readonly removed: number;
  /** Names to delete, then names and values, all as they are stored. */
  readonly fields: readonly string[];
}

/** Lua hands at most some 8,000 values over at once. */
const maxFields = 1_000;

export function encode({ codec, maxBytes }: Context, patch: object): EncodedPatch {
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

/** @returns The data in a snapshot's lines. */
export function decode({ codec }: Context, lines: readonly string[]): object {
  return Object.fromEntries(entries(codec, lines, 1));
}

/** @returns The data as the patch leaves it. The patch goes through the codec, so that the session shares no object with it. */
export function patched<Data extends object>({ codec }: Context, data: Data, { removed, fields }: EncodedPatch): Data {
  const next = Object.fromEntries([...Object.entries(data), ...entries(codec, fields, removed)]);
  for (const name of fields.slice(0, removed)) delete next[decodeName(name)];
  return unchecked<Data>(next);
}

function entries({ decode }: SessionCodec, lines: readonly string[], from: number): unknown[][] {
  const found: unknown[][] = [];
  for (let i = from; i < lines.length; i += 2)
    found.push([decodeName(lines[i] ?? ""), decode(unescapeLine(lines[i + 1] ?? ""))]);
  return found;
}
