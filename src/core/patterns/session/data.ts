import { OptionError } from "../../errors.ts";
import { unchecked } from "../../unchecked.ts";
import type { SessionCodec } from "./codec.ts";
import type { Context } from "./context.ts";
import { SessionTooLargeError } from "./errors.ts";
import { fromLine, toLine } from "./format.ts";

/** New values of fields; `undefined` deletes a field. */
export type SessionPatch<Data> = { readonly [K in keyof Data]?: Data[K] | undefined };

/** What a patch looks like to the write scripts. */
export interface EncodedPatch {
  /** How many of the fields are names to delete. */
  readonly removed: number;
  /** Names to delete, then names and values. */
  readonly fields: readonly string[];
}

/** Lua hands at most some 8,000 values over at once. */
const maxFields = 1_000;

export function encode({ codec, maxBytes }: Context, patch: object): EncodedPatch {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch))
    throw new OptionError("`data` must be an object of fields");
  const entries = Object.entries(patch);
  if (entries.length > maxFields) throw new OptionError(`A session has at most ${maxFields} fields; nest some of them`);
  const removed = entries.filter(([, value]) => value === undefined).map(([name]) => toLine(name));
  const written = entries
    .filter(([, value]) => value !== undefined)
    .flatMap(([name, value]) => [toLine(name), toLine(codec.encode(value))]);
  const fields = [...removed, ...written];
  if (fields.reduce((sum, text) => sum + text.length, 0) > maxBytes) throw new SessionTooLargeError(maxBytes);
  return { removed: removed.length, fields };
}

/** @returns The data in a snapshot's lines: names begin with a colon there, after the head. */
export function decode({ codec }: Context, lines: readonly string[]): object {
  return Object.fromEntries(entries(codec, lines, 1, 1));
}

function entries({ decode }: SessionCodec, texts: readonly string[], from: number, cut: number): unknown[][] {
  const found: unknown[][] = [];
  for (let i = from; i < texts.length; i += 2) {
    const name = texts[i]?.slice(cut) ?? "";
    found.push([fromLine(name), decode(fromLine(texts[i + 1] ?? ""))]);
  }
  return found;
}

/** @returns The data as the patch leaves it. The patch goes through the codec, so that the session shares no object with it. */
export function patched<Data extends object>({ codec }: Context, data: Data, { removed, fields }: EncodedPatch): Data {
  const gone = new Set(fields.slice(0, removed).map(fromLine));
  const kept: unknown[][] = Object.entries(data).filter(([name]) => !gone.has(name));
  return unchecked<Data>(Object.fromEntries([...kept, ...entries(codec, fields, removed, 0)]));
}
