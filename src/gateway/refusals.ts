import { ReplyError } from "../core/errors.ts";
import type { Access } from "./tokens.ts";

/** The error for a command that is not sent to Redis, or `null` if the command may be sent. */
export function refusalOf(words: readonly string[], { readOnly }: Access): ReplyError | null {
  const [name = ""] = words;
  if (name === "") return new ReplyError("ERR empty command");
  const command = name.toUpperCase();
  if (connectionCommands.has(command) || isBlocking(command, words)) return notInRestError(command);
  if (command === "SCRIPT" && words[1]?.toUpperCase() === "DEBUG") return notInRestError("SCRIPT DEBUG");
  if (serverCommands.has(command)) return unavailableError(command);
  if (readOnly && !readCommands.has(command)) return noPermissionError(command);
  return null;
}

function notInRestError(command: string): ReplyError {
  return new ReplyError(`ERR Command "${command}" is not allowed in REST or it has a special context path`);
}

function unavailableError(command: string): ReplyError {
  return new ReplyError(
    `ERR Command is not available: '${command}'. See https://upstash.com/docs/redis/overall/rediscompatibility for details`,
  );
}

function noPermissionError(command: string): ReplyError {
  const name = command.toLowerCase().slice(0, 64);
  return new ReplyError(`NOPERM this user has no permissions to run the '${name}' command or its subcommand`);
}

/** XREAD and XREADGROUP block only with the option BLOCK. A stream or a group may have that name, too. */
function isBlocking(command: string, words: readonly string[]): boolean {
  if (blockingCommands.has(command)) return true;
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

/** They would delay all requests that share the connection. */
const blockingCommands = wordSet(`
  BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP WAIT WAITAOF`);

/** They belong to a connection, which many requests share. */
const connectionCommands = wordSet(`
  AUTH HELLO RESET QUIT SELECT CLIENT READONLY READWRITE ASKING MULTI EXEC DISCARD WATCH UNWATCH MONITOR SYNC PSYNC REPLCONF
  SUBSCRIBE UNSUBSCRIBE PSUBSCRIBE PUNSUBSCRIBE SSUBSCRIBE SUNSUBSCRIBE`);

/** They administer the server. The hosted service does not have them, and a leaked token must not stop a server. */
const serverCommands = wordSet(`
  ACL BGREWRITEAOF BGSAVE CLUSTER CONFIG DEBUG FAILOVER MIGRATE MODULE PFDEBUG PFSELFTEST REPLICAOF RESTORE-ASKING SAVE SHUTDOWN
  SLAVEOF SWAPDB`);

/** The commands of the category @read in Redis 8.2, without @dangerous, SCAN and LOLWUT, and PING and ECHO. */
const readCommands = wordSet(`
  BITCOUNT BITFIELD_RO BITPOS DBSIZE DUMP ECHO EXISTS EXPIRETIME GEODIST GEOHASH GEOPOS GEORADIUSBYMEMBER_RO GEORADIUS_RO
  GEOSEARCH GET GETBIT GETRANGE HEXISTS HEXPIRETIME HGET HGETALL HKEYS HLEN HMGET HPEXPIRETIME HPTTL HRANDFIELD HSCAN HSTRLEN
  HTTL HVALS LCS LINDEX LLEN LPOS LRANGE MEMORY MGET OBJECT PEXPIRETIME PFCOUNT PING PTTL RANDOMKEY SCARD SDIFF SINTER
  SINTERCARD SISMEMBER SMEMBERS SMISMEMBER SRANDMEMBER SSCAN STRLEN SUBSTR SUNION TOUCH TTL TYPE XINFO XLEN XPENDING XRANGE
  XREAD XREVRANGE ZCARD ZCOUNT ZDIFF ZINTER ZINTERCARD ZLEXCOUNT ZMSCORE ZRANDMEMBER ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK
  ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZSCORE ZUNION
  JSON.ARRINDEX JSON.ARRLEN JSON.GET JSON.MGET JSON.OBJKEYS JSON.OBJLEN JSON.STRLEN JSON.TYPE`);

function wordSet(words: string): ReadonlySet<string> {
  return new Set(words.trim().split(/\s+/));
}
