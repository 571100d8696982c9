import type { Command, Reply } from "../../core/port/redis.ts";
import { toReplyError } from "./trip.ts";

/**
 * Gives a reply the shape that it has in RESP2, for any protocol, reply mapping and version of the client. Text arrives as bytes, so that
 * it is not mistaken for an integer, which `stringNumbers` turns into a string.
 */
export function toReply(command: Command, raw: unknown, bytes?: boolean): Reply {
  const reply = bytes ? decodeBytes(raw) : decode(raw);
  const shape = shapes[command[0].toUpperCase()];
  return shape ? shape(reply, command) : reply;
}

/** Decodes strings as text, and integers beyond 2^53 as their digits. */
const decode = createDecoder((raw) => raw.toString(), String);

/** Decodes each byte of a string as one character. */
const decodeBytes = createDecoder(
  (raw) => Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString("latin1"),
  BigInt,
);

function createDecoder(
  decodeString: (raw: Uint8Array) => string,
  decodeBig: (digits: string) => Reply,
): (raw: unknown) => Reply {
  const decode = (raw: unknown): Reply => {
    if (raw === null || raw === undefined) return null;
    if (raw instanceof Uint8Array) return decodeString(raw);
    if (Number.isSafeInteger(raw)) return Number(raw);
    if (Array.isArray(raw)) return raw.map(decode);
    if (raw instanceof Error) throw toReplyError(raw);
    if (typeof raw === "boolean") return raw ? 1 : 0;
    if (typeof raw === "string" || typeof raw === "number" || typeof raw === "bigint") return decodeScalar(String(raw));
    if (raw instanceof Set) return Array.from(raw, decode);
    if (raw instanceof Map) return [...raw].flat().map(decode);
    return Object.entries(raw).flat().map(decodeField);
  };
  /** A map's key is a string, even if it looks like a number. */
  const decodeField = (raw: unknown, position: number) =>
    position % 2 === 0 ? decodeString(Buffer.from(String(raw))) : decode(raw);
  /** Doubles are text, spelt as Redis spells them. */
  const decodeScalar = (digits: string) => {
    if (!/^-?\d+$/.test(digits)) return digits.replace("Infinity", "inf").replace("NaN", "nan");
    return Number.isSafeInteger(Number(digits)) ? Number(digits) : decodeBig(digits);
  };
  return decode;
}

/** Gives a reply to a certain command the shape that it has in RESP2. */
type Shaper = (reply: Reply, command: Command) => Reply;

/** RESP3 sends scores and coordinates as doubles. Only the command tells a whole one from an integer. */
const toTexts: Shaper = (reply) => {
  if (Array.isArray(reply)) return reply.map((item) => toTexts(item, [""]));
  return typeof reply === "number" || typeof reply === "bigint" ? String(reply) : reply;
};

/** RESP3 sends `[[member, score], ...]` where RESP2 sends `[member, score, ...]`. */
const flattenPairs: Shaper = (reply) => toTexts(Array.isArray(reply) ? reply.flat() : reply, [""]);

/** RESP3 sends a map of streams where RESP2 sends `[[stream, entries], ...]`. */
const groupStreams: Shaper = (reply) => {
  if (!Array.isArray(reply) || Array.isArray(reply[0])) return reply;
  return reply.flatMap((stream, i) => (i % 2 === 0 ? [[stream, reply[i + 1] ?? null]] : []));
};

/** `[rank, score]`, in which only the rank is an integer. */
const shapeRank: Shaper = (reply) =>
  Array.isArray(reply) ? reply.map((item, i) => (i > 0 ? toTexts(item, [""]) : item)) : reply;

/** `[[place, hash, [longitude, latitude]], ...]`, in which only the hash is an integer. */
const shapePlaces: Shaper = (reply) => {
  if (!Array.isArray(reply)) return reply;
  return reply.map((place) =>
    Array.isArray(place) ? place.map((part) => (Array.isArray(part) ? toTexts(part, [""]) : part)) : place,
  );
};

/** ZADD answers a count, and with INCR a score. */
const shapeAdded: Shaper = (reply, [, , ...rest]) => {
  const firstScore = rest.findIndex((word) => !/^(nx|xx|gt|lt|ch|incr)$/i.test(String(word)));
  return rest.slice(0, firstScore).some((word) => /^incr$/i.test(String(word))) ? toTexts(reply, [""]) : reply;
};

const shapes: Readonly<Record<string, Shaper>> = Object.fromEntries([
  ...shapesFor("ZSCORE ZMSCORE ZINCRBY ZMPOP BZMPOP BZPOPMIN BZPOPMAX GEODIST GEOPOS", toTexts),
  ...shapesFor("ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZDIFF ZINTER ZUNION", flattenPairs),
  ...shapesFor("ZRANDMEMBER ZPOPMIN ZPOPMAX HRANDFIELD", flattenPairs),
  ...shapesFor("XREAD XREADGROUP", groupStreams),
  ...shapesFor("ZRANK ZREVRANK", shapeRank),
  ...shapesFor("GEOSEARCH GEORADIUS GEORADIUS_RO GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO", shapePlaces),
  ...shapesFor("ZADD", shapeAdded),
]);

function shapesFor(names: string, shape: Shaper): [string, Shaper][] {
  return names.split(" ").map((name) => [name, shape]);
}
