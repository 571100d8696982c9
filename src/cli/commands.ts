import { isReplyError } from "../core/failure.ts";
import type { Redis, Reply } from "../core/port/redis.ts";
import { otherCommands, readCommands } from "../gateway/refusals.ts";

/**
 * Asks the server for its commands. The result are listed names that it lacks, and names that it marks with flags which the list does not
 * expect: they may mean something else there. It is `null` if the server does not tell, and then the list alone decides.
 */
export async function findMissing(redis: Redis): Promise<ReadonlySet<string> | null> {
  const reply = await redis.send(["COMMAND"]).catch(acceptRefusal);
  const rows = rowsOf(reply).flatMap((row) => [row, ...rowsOf(row[9])]);
  if (rows.length === 0) return null;
  const names = new Map(rows.map(([name, , flags]) => [String(name).toUpperCase(), String(flags).split(",")]));
  const missing = new Set([...readCommands, ...otherCommands].filter((name) => !names.has(name)));
  for (const [name, flags] of names) {
    if (flags.some((flag) => dangers.test(flag) && !expected.test(`${name} ${flag}`))) missing.add(name);
  }
  return missing;
}

function rowsOf(reply: Reply | undefined): Reply[][] {
  return Array.isArray(reply) ? reply.filter((row) => Array.isArray(row)) : [];
}

/** NOPERM, or a server without COMMAND. Other errors pass. */
function acceptRefusal(error: unknown): Reply {
  if (isReplyError(error) && /^(NOPERM|ERR)$/.test(error.code)) return [];
  throw error;
}

/** Flags of commands that wait, that belong to a connection, or that run the server. */
const dangers = /^(admin|blocking|no_auth|no_multi|noscript|pubsub)$/;
const expected = /^(XREAD(GROUP)? blocking|(S?PUBLISH|PUBSUB.*) pubsub|(EVAL|FCALL|SCRIPT|FUNCTION|ROLE).* noscript)$/;

/** Commands that a script may run, and that the gateway cannot see. */
const hidden = ["MIGRATE", "SWAPDB"];

/**
 * Finds out which of them this user may run inside of a script. Nothing is run: Redis 7 tells what it would allow. Before it, an unknown
 * function is an error, and the answer is `null`: unknown.
 */
export async function findHidden(redis: Redis): Promise<readonly string[] | null> {
  const probes = ["'MIGRATE','h','1','','0','1','KEYS'", "'SWAPDB','0','0'"];
  const script = `return {${probes.map((probe) => `redis.acl_check_cmd(${probe})`).join()}}`;
  const reply = await redis.send(["EVAL", script, 0]).catch(ignoreRefusal);
  return Array.isArray(reply) ? hidden.filter((_, i) => reply[i] === 1) : reply === null ? null : [];
}

/** A user that may not run scripts cannot hide anything in them. */
function ignoreRefusal(error: unknown): Reply {
  if (!isReplyError(error)) throw error;
  return error.code === "NOPERM" ? "" : null;
}
