import { ReplyError } from "../core/errors.ts";
import type { Call } from "./call.ts";

/** The error for a command that is not sent to Redis, or `null` if the command may be sent. */
export function refusalOf(
  words: readonly string[],
  { access, missing }: Pick<Call, "access" | "missing">,
): ReplyError | null {
  const [name = "", option = ""] = words;
  if (name === "") return new ReplyError("ERR empty command");
  const command = name.toUpperCase();
  // No subcommand is longer, but a key may be.
  const whole = option.length < 32 ? `${command}|${option.toUpperCase()}` : command;
  const isRead = readCommands.has(command);
  const isListed = isRead || otherCommands.has(command) || command.startsWith("JSON.");
  if (isBlocking(command, words) || (!isListed && waitsOrBelongs.test(command))) return notInRestError(command);
  if (whole === "SCRIPT|DEBUG") return notInRestError("SCRIPT DEBUG");
  if (access.readOnly && !isRead && whole !== "MEMORY|USAGE") return noPermissionError(command);
  return isListed && !missing.has(command) && !missing.has(whole) ? null : unavailableError(command);
}

/** Commands that wait, or belong to a connection, which many requests share. They are not listed, as others are not; they get this error. */
const waitsOrBelongs =
  /^(B[LRZ]|WAIT|AUTH|HELLO|RESET|QUIT|SELECT|CLIENT|READ|ASKING|MULTI|EXEC$|DISCARD|(UN)?WATCH|MONITOR|P?SYNC|REPLCONF|.*SUBSCRIBE)/;

function notInRestError(command: string): ReplyError {
  return new ReplyError(`ERR Command "${command}" is not allowed in REST or it has a special context path`);
}

function unavailableError(command: string): ReplyError {
  return new ReplyError(
    `ERR Command is not available: '${shorten(command)}'. See https://upstash.com/docs/redis/overall/rediscompatibility for details`,
  );
}

/** The error for a token that may not run a command. */
export function noPermissionError(command: string): ReplyError {
  const name = shorten(command).toLowerCase();
  return new ReplyError(`NOPERM this user has no permissions to run the '${name}' command or its subcommand`);
}

function shorten(command: string): string {
  return command.slice(0, 64);
}

/** XREAD and XREADGROUP block only with the option BLOCK. A stream or a group may have that name, too. */
function isBlocking(command: string, words: readonly string[]): boolean {
  if (command !== "XREAD" && command !== "XREADGROUP") return false;
  for (let i = 1; i < words.length; i += 1 + (valueCounts.get(words[i]?.toUpperCase() ?? "") ?? 0)) {
    const option = words[i]?.toUpperCase();
    if (option === "BLOCK") return true;
    if (option === "STREAMS") return false;
  }
  return false;
}

/** The number of values after each option of XREAD and XREADGROUP. */
const valueCounts: ReadonlyMap<string, number> = new Map([
  ["GROUP", 2],
  ["COUNT", 1],
  ["CLAIM", 1],
]);

/** The commands of the category @read in Redis 8.2, without @dangerous, MEMORY, SCAN and LOLWUT, and PING and ECHO. */
export const readCommands = wordSet(`
  BITCOUNT BITFIELD_RO BITPOS DBSIZE DUMP ECHO EXISTS EXPIRETIME GEODIST GEOHASH GEOPOS GEORADIUSBYMEMBER_RO GEORADIUS_RO
  GEOSEARCH GET GETBIT GETRANGE HEXISTS HEXPIRETIME HGET HGETALL HKEYS HLEN HMGET HPEXPIRETIME HPTTL HRANDFIELD HSCAN HSTRLEN
  HTTL HVALS LCS LINDEX LLEN LPOS LRANGE MGET OBJECT PEXPIRETIME PFCOUNT PING PTTL RANDOMKEY SCARD SDIFF SINTER
  SINTERCARD SISMEMBER SMEMBERS SMISMEMBER SRANDMEMBER SSCAN STRLEN SUBSTR SUNION TOUCH TTL TYPE XINFO XLEN XPENDING XRANGE
  XREAD XREVRANGE ZCARD ZCOUNT ZDIFF ZINTER ZINTERCARD ZLEXCOUNT ZMSCORE ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK
  ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION
  JSON.ARRINDEX JSON.ARRLEN JSON.GET JSON.MGET JSON.OBJKEYS JSON.OBJLEN JSON.STRLEN JSON.TYPE`);

/** The other commands that a full token may run, besides those of JSON. What is not listed is refused: it may mean anything to a later server. */
export const otherCommands = wordSet(`
  APPEND BITFIELD BITOP COMMAND COPY DECR DECRBY DEL DELEX DELIFEQ DIGEST EVAL EVALSHA EVALSHA_RO EVAL_RO EXPIRE EXPIREAT FCALL
  FCALL_RO FLUSHALL FLUSHDB FUNCTION GEOADD GEORADIUS GEORADIUSBYMEMBER GEOSEARCHSTORE GETDEL GETEX GETSET HDEL HEXPIRE HEXPIREAT
  HGETDEL HGETEX HINCRBY HINCRBYFLOAT HMSET HPERSIST HPEXPIRE HPEXPIREAT HSET HSETEX HSETNX INCR INCRBY INCRBYFLOAT INFO KEYS
  LASTSAVE LINSERT LMOVE LMPOP LOLWUT LPOP LPUSH LPUSHX LREM LSET LTRIM MEMORY MOVE MSET MSETEX MSETNX PERSIST PEXPIRE PEXPIREAT
  PFADD PFMERGE PSETEX PUBLISH PUBSUB RENAME RENAMENX RESTORE ROLE RPOP RPOPLPUSH RPUSH RPUSHX SADD SCAN SCRIPT SDIFFSTORE SET
  SETBIT SETEX SETNX SETRANGE SINTERSTORE SMOVE SORT SORT_RO SPOP SPUBLISH SREM SUNIONSTORE TIME UNLINK XACK XACKDEL XADD
  XAUTOCLAIM XCLAIM XDEL XDELEX XGROUP XREADGROUP XSETID XTRIM ZADD ZDIFFSTORE ZINCRBY ZINTERSTORE ZMPOP ZPOPMAX ZPOPMIN
  ZRANGESTORE ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZUNIONSTORE`);

function wordSet(words: string): ReadonlySet<string> {
  return new Set(words.trim().split(/\s+/));
}
