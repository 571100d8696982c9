import { ReplyError } from "../../errors.ts";

/** What a key holds: the mark of a run, a result, or a failure. */
export interface IdempotencyRecord {
  readonly kind: Kind;
  /** The SHA-256 of the payload in hexadecimal digits; empty if the call has no payload. */
  readonly fingerprint: string;
  /** A result's JSON, a failure's message, or the random name of a run. */
  readonly body: string;
}

type Kind = keyof typeof prefixes;

/** A record begins with the version of this format and a letter for its kind. */
const prefixes = { running: "1r:", result: "1d:", failure: "1f:" } as const;

const kinds = ["running", "result", "failure"] as const;

/** Writes version 1 of the format. */
export function encodeRecord({ kind, fingerprint, body }: IdempotencyRecord): string {
  return `${prefixes[kind]}${fingerprint}:${body}`;
}

/**
 * Reads every version so far.
 * @throws {ReplyError} The text is not a record.
 */
export function decodeRecord(text: string): IdempotencyRecord {
  const [, prefix, fingerprint = "", body = ""] = /^(1[rdf]:)([0-9a-f]*):(.*)$/s.exec(text) ?? [];
  const kind = kinds.find((candidate) => prefixes[candidate] === prefix);
  if (kind) return { kind, fingerprint, body };
  throw new ReplyError("SHAPE The key of the idempotent call holds something else; choose another `prefix`");
}

/** Lua that tells whether the record in this expression is the mark of a run. */
export function runningLua(record: string): string {
  return `string.sub(${record}, 1, 3) == "${prefixes.running}"`;
}

/** JSON has no `undefined`, nor functions and symbols: an empty body stands for them. */
export function encodeResult(result: unknown): string {
  return JSON.stringify(result) ?? "";
}

export function decodeResult(body: string): unknown {
  return body === "" ? undefined : JSON.parse(body);
}
