import { checkList, checkMethods, checkOptions } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { orThrow, texts } from "../../port/reply.ts";
import type { RecordContext } from "./context.ts";
import { decodeProperties, type ReadFields, readFields, recordKey } from "./format.ts";
import type { RecordReadOptions, StoredRecord } from "./options.ts";
import { validate } from "./validate.ts";

/** The most records of one `getMany`: their replies are held in memory together. */
const maxIds = 1_000;

type Found = StoredRecord<Readonly<Record<string, unknown>>>;

export async function getRecord(context: RecordContext, id: string, options?: RecordReadOptions) {
  const signal = signalOf(options);
  const reply = await context.redis.send(["HGETALL", recordKey(context.namespace, id)], { signal, idempotent: true });
  return openRecord(context, readFields(texts(reply)));
}

export async function getRecords(context: RecordContext, ids: readonly string[], options?: RecordReadOptions) {
  const signal = signalOf(options);
  if (checkList("ids", ids).length > maxIds) {
    throw new OptionError(`\`ids\` must have at most ${maxIds} ids; read them in several calls`);
  }
  const commands = ids.map((id) => ["HGETALL", recordKey(context.namespace, id)] as const);
  if (commands.length === 0) return [];
  const replies = await context.redis.pipeline(commands, { signal, idempotent: true });
  return Promise.all(replies.map((reply) => openRecord(context, readFields(texts(orThrow(reply))))));
}

/** Gives the fields that were read the form in which the caller sees them. */
export async function openRecord(context: RecordContext, read: ReadFields | null): Promise<Found | null> {
  if (!read) return null;
  return { data: await validate(context, decodeProperties(read.fields), "stored"), version: read.version };
}

function signalOf(options: RecordReadOptions | undefined): AbortSignal | undefined {
  return checkMethods("signal", checkOptions(options)?.signal, "an AbortSignal", "throwIfAborted");
}
