import { RedisPatternsError } from "../../errors.ts";

/** What is stored is not what this call can work with. Nothing was changed. Read the hash by HGETALL, and mend it by HSET. */
export class RecordDataError extends RedisPatternsError {
  override readonly name = "RecordDataError";
  /** The property that is meant, or `undefined` where it is the whole record. */
  readonly property: string | undefined;

  /**
   * @param rest What is wrong with it, and what to do.
   * @param id The id of the record.
   */
  constructor(rest: string, id: string, property?: string) {
    const whose = property === undefined ? "Record" : `Property ${quote(property)} of record`;
    super("RECORD_DATA", `${whose} ${quote(id)} ${rest}`);
    this.property = property;
  }
}

/** A name as messages have it. */
export function quote(name: string): string {
  return `\`${name.slice(0, 256)}\``;
}

/** A record does not fit the schema. Nothing was changed. */
export class RecordInvalidError extends RedisPatternsError {
  override readonly name = "RecordInvalidError";
  /** What the schema says, as the library that made it writes it. It may show parts of the record. */
  readonly issues: readonly unknown[];
  /** Whether the record was read from Redis; else it was given to this call, or is what this call would have made of the stored one. */
  readonly stored: boolean;

  /** @param storedId The id of the record, if it was read. */
  constructor(issues: readonly unknown[], storedId?: string) {
    const stored = storedId !== undefined;
    const remedy = stored
      ? `The stored record ${quote(storedId)} does not fit \`schema\`, such as after a change of it; allow its old form there, or read it without a schema and set it anew`
      : "The record would not fit `schema`; `issues` says where";
    super("RECORD_INVALID", remedy);
    this.issues = issues;
    this.stored = stored;
  }
}
