import { OptionError } from "../../errors.ts";
import { unchecked } from "../../unchecked.ts";
import type { Codec } from "../../data/codec.ts";
import { encodeValue, refuseLoss } from "./codec.ts";
import type { SessionContext } from "./context.ts";
import { SessionDataError, SessionTooLargeError } from "./errors.ts";
import { decodeName, encodeName, escapeLine, maxFields, unescapeLine } from "./format/record.ts";

/** New values of fields; `undefined` deletes a field. */
export type SessionPatch<Data> = { readonly [K in keyof Data]?: Data[K] | undefined };

/** A patch as the scripts take it, and as it will be read. */
export interface EncodedPatch {
  /** The number of names to delete. */
  readonly removed: number;
  /** Names to delete, then names and values. */
  readonly fields: readonly string[];
  /** Names and values, decoded: after a write, nothing may fail any more. */
  readonly values: readonly (readonly unknown[])[];
}

export function encodePatch({ codec, maxBytes }: SessionContext, patch: object): EncodedPatch {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch))
    throw new OptionError("`data` must be an object of fields");
  const entries = Object.entries(patch);
  if (entries.length > maxFields) throw tooManyFields();
  refuseLoss(codec, patch);
  const removed: string[] = [];
  const written: string[] = [];
  for (const [name, value] of entries) {
    if (value === undefined) removed.push(encodeName(name));
    else written.push(encodeName(name), escapeLine(encodeValue(codec, name, value)));
  }
  const fields = [...removed, ...written];
  // The colon before each name does not count.
  const size = fields.reduce((sum, text) => sum + text.length, -entries.length);
  if (size > maxBytes) throw new SessionTooLargeError(maxBytes);
  return { removed: removed.length, fields, values: decodeFields(codec, fields, removed.length) };
}

export function tooManyFields(): OptionError {
  return new OptionError(`A session has at most ${maxFields} fields of data; nest some of them`);
}

/**
 * Puts a patch over stored fields. They stay in their codec's text, so that none can be lost on the way.
 * @param carried Names and values.
 * @returns Names and values.
 */
export function mergeFields(carried: readonly string[], { removed, fields }: EncodedPatch): string[] {
  const merged = new Map<string, string>();
  for (let i = 0; i < carried.length; i += 2) merged.set(carried[i] ?? "", carried[i + 1] ?? "");
  for (const name of fields.slice(0, removed)) merged.delete(name);
  for (let i = removed; i < fields.length; i += 2) merged.set(fields[i] ?? "", fields[i + 1] ?? "");
  return [...merged].flat();
}

/** @param lines Those of a snapshot. */
export function decodeData({ codec }: SessionContext, lines: readonly string[]): object {
  return Object.fromEntries(decodeFields(codec, lines, 1));
}

/** Gives the data as the patch leaves it. The patch went through the codec, so that the session shares no object with it. */
export function applyPatch<Data extends object>(data: Data, { removed, fields, values }: EncodedPatch): Data {
  const next = Object.fromEntries([...Object.entries(data), ...values]);
  for (const name of fields.slice(0, removed)) delete next[decodeName(name)];
  return unchecked<Data>(next);
}

function decodeFields(codec: Codec, lines: readonly string[], from: number): unknown[][] {
  const found: unknown[][] = [];
  for (let i = from; i < lines.length; i += 2) {
    found.push([decodeName(lines[i] ?? ""), decodeValue(codec, lines[i + 1] ?? "")]);
  }
  return found;
}

/**
 * @param stored The text of a value, as it is stored.
 * @throws {SessionDataError} The codec cannot read it.
 */
export function decodeValue(codec: Codec, stored: string): unknown {
  try {
    return codec.decode(unescapeLine(stored));
  } catch {
    throw new SessionDataError(`The codec \`${codec.name}\` cannot read the session's data`);
  }
}
