import type { Command, Reply } from "../../core/port/redis.ts";
import { replyError } from "./trip.ts";

/**
 * Gives a reply the shape that it has in RESP2, whatever the client's protocol, reply mapping and version. Text arrives as bytes,
 * so that it cannot be taken for an integer, which `stringNumbers` makes a string.
 */
export function toReply(command: Command, raw: unknown): Reply {
  const reply = plain(raw);
  const shape = shapes[command[0].toUpperCase()];
  return shape ? shape(reply, command) : reply;
}

function plain(raw: unknown): Reply {
  if (raw === null || raw === undefined) return null;
  if (raw instanceof Uint8Array) return String(raw);
  if (Number.isSafeInteger(raw)) return Number(raw);
  if (raw instanceof Error) throw replyError(raw);
  if (typeof raw === "boolean") return raw ? 1 : 0;
  if (typeof raw === "string" || typeof raw === "number" || typeof raw === "bigint") return scalar(String(raw));
  if (Array.isArray(raw) || raw instanceof Set) return Array.from(raw, plain);
  if (raw instanceof Map) return [...raw].flat().map(plain);
  return Object.entries(raw).flat().map(field);
}

/** A map's key is a string already, and not a number that happens to look like one. */
function field(raw: unknown, position: number): Reply {
  return position % 2 === 0 ? String(raw) : plain(raw);
}

/** Integers are numbers as far as numbers go, then text; doubles are text, spelt as Redis does. */
function scalar(digits: string): Reply {
  if (/^-?\d+$/.test(digits) && Number.isSafeInteger(Number(digits))) return Number(digits);
  return digits.replace("Infinity", "inf").replace("NaN", "nan");
}

type Shape = (reply: Reply, command: Command) => Reply;

/** RESP3 sends scores and coordinates as doubles; a whole one cannot be told from an integer but by its command. */
const texts: Shape = (reply) => {
  if (Array.isArray(reply)) return reply.map((item) => texts(item, [""]));
  return typeof reply === "number" ? String(reply) : reply;
};

/** RESP3 sends `[[member, score], ...]` where RESP2 sends `[member, score, ...]`. */
const pairs: Shape = (reply) => texts(Array.isArray(reply) ? reply.flat() : reply, [""]);

/** RESP3 sends a map of streams where RESP2 sends `[[stream, entries], ...]`. */
const streams: Shape = (reply) => {
  if (!Array.isArray(reply) || Array.isArray(reply[0])) return reply;
  return reply.flatMap((stream, i) => (i % 2 === 0 ? [[stream, reply[i + 1] ?? null]] : []));
};

/** `[rank, score]`, of which the rank is an integer. */
const rank: Shape = (reply) =>
  Array.isArray(reply) ? reply.map((item, i) => (i > 0 ? texts(item, [""]) : item)) : reply;

/** `[[place, hash, [longitude, latitude]], ...]`, of which the hash is an integer. */
const places: Shape = (reply) => {
  if (!Array.isArray(reply)) return reply;
  return reply.map((place) =>
    Array.isArray(place) ? place.map((part) => (Array.isArray(part) ? texts(part, [""]) : part)) : place,
  );
};

/** ZADD counts, except that with INCR it answers a score. */
const added: Shape = (reply, [, , ...rest]) => {
  const firstScore = rest.findIndex((word) => !/^(nx|xx|gt|lt|ch|incr)$/i.test(String(word)));
  return rest.slice(0, firstScore).some((word) => /^incr$/i.test(String(word))) ? texts(reply, [""]) : reply;
};

const shapes: Readonly<Record<string, Shape>> = Object.fromEntries([
  ...named("ZSCORE ZMSCORE ZINCRBY ZMPOP BZMPOP BZPOPMIN BZPOPMAX GEODIST GEOPOS", texts),
  ...named("ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZDIFF ZINTER ZUNION", pairs),
  ...named("ZRANDMEMBER ZPOPMIN ZPOPMAX HRANDFIELD", pairs),
  ...named("XREAD XREADGROUP", streams),
  ...named("ZRANK ZREVRANK", rank),
  ...named("GEOSEARCH GEORADIUS GEORADIUS_RO GEORADIUSBYMEMBER GEORADIUSBYMEMBER_RO", places),
  ...named("ZADD", added),
]);

function named(names: string, shape: Shape): [string, Shape][] {
  return names.split(" ").map((name) => [name, shape]);
}
