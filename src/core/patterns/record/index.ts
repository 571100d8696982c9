export { ConflictError, ValueTooLargeError } from "../../errors.ts";
export type { Lifetime } from "../../time/lifetime.ts";
export type { ChangeOptions } from "../../request.ts";
export type { SchemaResult, StandardSchema } from "../../data/schema.ts";
export { RecordDataError, RecordInvalidError } from "./errors.ts";
export { modifyRecord } from "./operations/modify.ts";
export type {
  ModifyRecordOptions,
  NumberProperty,
  RecordChangeOptions,
  RecordDeleteOptions,
  RecordOptions,
  RecordPatch,
  RecordReadOptions,
  RecordSetOptions,
  RecordUpdateOptions,
  RecordVersion,
  StoredRecord,
} from "./options.ts";
export { createRecords } from "./records.ts";
export type { Records } from "./records.ts";
