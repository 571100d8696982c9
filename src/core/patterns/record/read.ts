import { checkList, checkMethods, checkOptions } from "../../check.ts";
import { OptionError, ReplyError } from "../../errors.ts";
import { isReplyError } from "../../failure.ts";
import { texts } from "../../port/reply.ts";
import type { RecordContext } from "./context.ts";
import { quote } from "./errors.ts";
import { decodeProperties, type ReadFields, readFields, recordKey } from "./format.ts";
import type { RecordReadOptions, StoredRecord } from "./options.ts";
import { validate } from "./validate.ts";

/** The most records of one `getMany`: their replies are held in memory together. */
const maxIds = 1_000;

type Found = StoredRecord<Readonly<Record<string, unknown>>>;

export async function getRecord(context: RecordContext, id: string, options?: RecordReadOptions) {
  const signal = signalOf(options);
  const command = ["HGETALL", recordKey(context.namespace, id)] as const;
  const reply = await context.redis
    .send(command, { signal, idempotent: true })
    .catch((error) => throwNaming(id, error));
  return openRecord(context, readFields(texts(reply), id));
}

export async function getRecords(context: RecordContext, ids: readonly string[], options?: RecordReadOptions) {
  const signal = signalOf(options);
  if (checkList("ids", ids).length > maxIds) {
    throw new OptionError(`\`ids\` must have at most ${maxIds} ids; read them in several calls`);
  }
  const commands = ids.map((id) => ["HGETALL", recordKey(context.namespace, id)] as const);
  if (commands.length === 0) return [];
  const replies = await context.redis.pipeline(commands, { signal, idempotent: true });
  return Promise.all(
    ids.map((id, i) => {
      const reply = replies[i] ?? null;
      if (isReplyError(reply)) throwNaming(id, reply);
      return openRecord(context, readFields(texts(reply), id));
    }),
  );
}

/** Gives the fields that were read the form in which the caller sees them. */
export async function openRecord(context: RecordContext, read: ReadFields | null): Promise<Found | null> {
  if (!read) return null;
  return { data: await validate(context, decodeProperties(read), read.id), version: read.version };
}

/** Says whose key holds another Redis type. */
function throwNaming(id: string, error: unknown): never {
  if (!isReplyError(error) || error.code !== "WRONGTYPE") throw error;
  throw new ReplyError(`${error.message}: the key of record ${quote(id)}`, { cause: error });
}

function signalOf(options: RecordReadOptions | undefined): AbortSignal | undefined {
  return checkMethods("signal", checkOptions(options)?.signal, "an AbortSignal", "throwIfAborted");
}
