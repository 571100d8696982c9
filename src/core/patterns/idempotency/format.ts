import { encodeJson } from "../../data/json.ts";
import { ReplyError } from "../../errors.ts";

/** What a key holds. */
export interface IdempotencyRecord {
  /**
   * `running`: the mark of a run. `result` and `failure`: an outcome. `lost`: the work ran, and its outcome could not be stored. `gone`: a
   * caller gave its claim up, and the claim must not take effect if it arrives later.
   */
  readonly kind: Kind;
  /** The SHA-256 of the payload in hexadecimal digits; empty if the call has no payload. */
  readonly fingerprint: string;
  /** A result's JSON, a failure's message, or the lease and the random name of a run. */
  readonly body: string;
}

type Kind = keyof typeof prefixes;

/** A record begins with the version of this format and a letter for its kind. */
const prefixes = { running: "1r:", result: "1d:", failure: "1f:", lost: "1n:", gone: "1g:" } as const;

const kinds = ["running", "result", "failure", "lost", "gone"] as const;

/** Writes version 1 of the format. */
export function encodeRecord({ kind, fingerprint, body }: IdempotencyRecord): string {
  return `${prefixes[kind]}${fingerprint}:${body}`;
}

/**
 * Reads every version so far.
 * @throws {ReplyError} The text is not a record.
 */
export function decodeRecord(text: string): IdempotencyRecord {
  const [, prefix, fingerprint = "", body = ""] = /^(1[rdfng]:)([0-9a-f]*):(.*)$/s.exec(text) ?? [];
  const kind = kinds.find((candidate) => prefixes[candidate] === prefix);
  if (kind) return { kind, fingerprint, body };
  throw new ReplyError("SHAPE The key of the idempotent call holds something else; choose another `prefix`");
}

/** Lua that tells whether the record in this expression is of the kind. */
export function isKindLua(record: string, kind: Kind): string {
  return `string.sub(${record}, 1, 3) == "${prefixes[kind]}"`;
}

/** Lua that tells whether two records differ in more than their kind. */
export function otherRunLua(one: string, two: string): string {
  return `string.sub(${one}, 4) ~= string.sub(${two}, 4)`;
}

/** The body of a run's mark. */
export function encodeRun(lease: number, name: string): string {
  return `${lease}.${name}`;
}

/**
 * A Redis without memory writes nothing, but it can let a key live longer. So the mark of a run that lives longer than a lease can says that the
 * work ran and its outcome is lost. This margin, in milliseconds, keeps a server clock that is set back from saying so.
 */
export const lostMargin = 600_000;

/** Tells whether the mark of a run, which has `remaining` milliseconds to live, says that its outcome is lost. */
export function isLost({ body }: IdempotencyRecord, remaining: number): boolean {
  const lease = /^(\d+)\./.exec(body)?.[1];
  return lease !== undefined && remaining > Number(lease) + lostMargin;
}

/** JSON has no `undefined`: an empty body stands for it. */
export function encodeResult(result: unknown): string {
  return result === undefined ? "" : encodeJson(result, "result", "return plain JSON");
}

export function decodeResult(body: string): unknown {
  return body === "" ? undefined : JSON.parse(body);
}
