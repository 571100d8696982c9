import { checkCount } from "../../check.ts";
import { nullableText, orThrow, texts } from "../../port/reply.ts";
import { checkChange } from "../../request.ts";
import { backoff } from "../../wait/backoff.ts";
import { sleep } from "../../wait/sleep.ts";
import { changeOf, checkSize, checkVersion, conflict, numberOf, ttlOf } from "./change.ts";
import type { RecordContext } from "./context.ts";
import {
  checkObject,
  checkRemoved,
  decodeProperties,
  encodeProperties,
  fieldOf,
  flatten,
  type ReadFields,
  readFields,
  type Stored,
} from "./format.ts";
import type { RecordChangeOptions, RecordUpdateOptions, RecordVersion } from "./options.ts";
import { updateScript } from "./scripts/update.lua.ts";
import { validate } from "./validate.ts";

type Properties = Readonly<Record<string, unknown>>;

/** The fields to write, and the names of those to remove. */
export interface Patch {
  readonly fields: Stored;
  readonly removed: readonly string[];
}

/** One call that changes a part of a record. */
interface PatchCall {
  readonly id: string;
  readonly operation: "update" | "modify";
  readonly options: RecordChangeOptions;
  readonly version?: number | undefined;
  readonly attempts?: number | undefined;
}

export async function updateRecord(
  context: RecordContext,
  id: string,
  partial: object,
  options?: RecordUpdateOptions,
): Promise<RecordVersion | null> {
  const { version, ...rest } = checkChange(options, "{ version, requestId }") ?? {};
  const call = { id, operation: "update", options: rest, version } as const;
  const properties = checkObject("`partial`", partial);
  // What can never be kept is refused before anything is read.
  const patch = encodePatch("partial", properties, Object.keys(properties));
  checkSize(context, patch.fields);
  const send = createSender(context, call);
  if (!context.schema) return toVersion(context, id, await send({ patch, wanted: checkVersion(version) }));
  return patchWithRetries(context, call, async (read) => read && mergeAndValidate(context, read, properties));
}

/** The patch that an update makes, where the whole that it leads to fits the schema. Other properties stay as another version may have written them. */
async function mergeAndValidate(context: RecordContext, read: ReadFields, properties: Properties): Promise<Patch> {
  const whole = await validate(context, { ...decodeProperties(read), ...properties });
  return encodePatch("partial", whole, Object.keys(properties));
}

/** Takes the properties with these names: those that are absent are removed. */
function encodePatch(name: string, properties: Properties, names: readonly string[]): Patch {
  const wanted = new Set(names);
  const chosen = Object.fromEntries(Object.entries(properties).filter(([property]) => wanted.has(property)));
  const fields = encodeProperties(name, chosen);
  return { fields, removed: checkRemoved(names.map(fieldOf).filter((field) => !fields.has(field))) };
}

/** In these pauses, changes that began together draw apart. */
const pauses = { first: 2, factor: 2, most: 64 };

/**
 * Reads the record, makes a patch of it, and writes that if the record is still the one that was read; else it begins anew. A call that was
 * made before gives its answer, and makes no patch.
 * @param make Makes the patch of what was read, `null` if there is no record, and none where none is to be made.
 * @throws {ConflictError} The record has another version than the one that the call wants, or others changed it before each attempt.
 */
export async function patchWithRetries(
  context: RecordContext,
  call: PatchCall,
  make: (read: ReadFields | null) => Promise<Patch | null>,
): Promise<RecordVersion | null> {
  const { signal } = call.options;
  const { attempts = 50 } = call;
  const send = createSender(context, call);
  const wanted = checkVersion(call.version);
  for (let attempt = 0; attempt < checkCount("attempts", attempts); attempt += 1) {
    signal?.throwIfAborted();
    const { answer, read } = await send.read();
    if (answer !== null) return toVersion(context, call.id, answer);
    const there = read ? String(read.version) : "none";
    if (wanted !== "" && read && wanted !== there) throw conflict();
    const patch = await make(read);
    if (patch) checkSize(context, patch.fields);
    const written = await send({ patch: patch ?? nothing, wanted: there, create: patch !== null });
    if (!written.startsWith("conflict")) return toVersion(context, call.id, written);
    await sleep(backoff(attempt, pauses), signal);
  }
  throw conflict("busy");
}

const nothing: Patch = { fields: new Map(), removed: [] };

function toVersion(context: RecordContext, id: string, answer: string): RecordVersion | null {
  return answer === "none" ? null : { version: numberOf(context, id, answer) };
}

/** The trips of one call. They share what makes the call be made once. */
function createSender(context: RecordContext, { id, operation, options }: PatchCall) {
  const { signal, ...rest } = options;
  const change = changeOf(context, id, operation, rest);
  const ttl = ttlOf(context, rest);
  const sendOptions = { signal, idempotent: true };
  const send = ({ patch, wanted, create = false }: { patch: Patch; wanted: string; create?: boolean }) => {
    const { fields, removed } = patch;
    const parts = [...removed, ...flatten(fields)];
    const { maxBytes } = context;
    const values = { ...change, wanted, create: create ? 1 : 0, maxBytes, ttl, removed: removed.length, parts };
    return updateScript(context.redis, values, sendOptions);
  };
  /** What the call answered before, if it did, and the record. */
  const read = async () => {
    const whole = ["HGETALL", change.record] as const;
    // Nobody calls a second time by a random name.
    const commands = rest.requestId === undefined ? [whole] : [whole, ["GET", change.request] as const];
    const [fields = null, answer = null] = (await context.redis.pipeline(commands, sendOptions)).map(orThrow);
    return { answer: nullableText(answer), read: readFields(texts(fields), id) };
  };
  return Object.assign(send, { read });
}
