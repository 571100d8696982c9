import { ReplyError } from "../../errors.ts";

/** What is stored: `1`, what it is, the fingerprint of the payload, and the JSON of the result or the failure. */
export interface StoredRecord {
  readonly kind: "running" | "result" | "failure";
  readonly fingerprint: string;
  readonly body: string;
}

const letters = { running: "r", result: "d", failure: "f" } as const;

/** Writes version 1 of the format. */
export function writeRecord({ kind, fingerprint, body }: StoredRecord): string {
  return `1${letters[kind]}:${fingerprint}:${body}`;
}

/** Reads what `writeRecord` wrote, in every version so far. */
export function readRecord(text: string): StoredRecord {
  const [, letter, fingerprint = "", body = ""] = /^1([rdf]):([0-9a-f]*):(.*)$/s.exec(text) ?? [];
  if (letter === "r") return { kind: "running", fingerprint, body };
  if (letter === "d") return { kind: "result", fingerprint, body };
  if (letter === "f") return { kind: "failure", fingerprint, body };
  throw new ReplyError("SHAPE The key of the idempotent call holds something else; choose another `prefix`");
}
