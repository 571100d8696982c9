import { ReplyError } from "../../errors.ts";

/** The record of a key: that its work is running, or what became of it. */
export interface IdempotencyRecord {
  readonly kind: Kind;
  /** The SHA-256 of the payload in hexadecimal digits; empty if the call has no payload. */
  readonly fingerprint: string;
  /** Of a result its JSON, of a failure its message, of a run a random text that tells it from other runs. */
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
  const [, prefix, fingerprint = "", body = ""] = /^(...)([0-9a-f]*):(.*)$/s.exec(text) ?? [];
  const kind = kinds.find((kind) => prefixes[kind] === prefix);
  if (kind) return { kind, fingerprint, body };
  throw new ReplyError("SHAPE The key of the idempotent call holds something else; choose another `prefix`");
}

/** Lua: whether a record says that its work is running. */
export function isRunning(record: string): string {
  return `string.sub(${record}, 1, 3) == "${prefixes.running}"`;
}

/** JSON has no `undefined`: an empty body stands for it. */
export function encodeResult(result: unknown): string {
  return JSON.stringify(result) ?? "";
}

export function decodeResult(body: string): unknown {
  return body === "" ? undefined : JSON.parse(body);
}
