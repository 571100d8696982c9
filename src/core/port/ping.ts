import { checkFlag, checkOptions, checkPort } from "../check.ts";
import { hexDigest } from "../crypto.ts";
import { type RedisPatternsError, ReplyError } from "../errors.ts";
import { codeOf, isReplyError } from "../failure.ts";
import { keyOf, namespaceOf } from "../keys.ts";
import { diagnose, isPortError, type PingReason } from "./diagnosis.ts";
import { pingScript } from "./ping.lua.ts";
import type { Command, Redis, Reply } from "./redis.ts";
import { integer, text } from "./reply.ts";
import { knowsNoHeader } from "./script-header.ts";

/** Options of `ping`. */
export interface PingOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The beginning of your patterns' prefixes, for a Redis user whose ACL restricts keys or channels. The keys and the channel that are tried
   * begin with `ping:` and this prefix. Nothing remains stored under them.
   * @default "redis-patterns"
   */
  readonly prefix?: string | undefined;
  /**
   * `false` leaves out the channel, for a Redis user who deliberately has none. Everything works without channels, but nobody is told:
   * waiters ask again and again, and memory tiers are stale for up to `maxStaleness`.
   * @default true
   */
  readonly channels?: boolean | undefined;
}

/** The result of a ping. */
export type Ping = PingSuccess | PingFailure;

/** Redis is reachable and runs scripts that read, write and publish, which is all that the patterns need. */
export interface PingSuccess {
  readonly ok: true;
  /** The round trip of one script on an open connection, in milliseconds. */
  readonly latency: number;
  /** The server's clock minus this machine's, in milliseconds, to within half the latency. Patterns use the server's clock. */
  readonly clockDifference: number;
}

/** The patterns cannot work over this port. */
export interface PingFailure {
  readonly ok: false;
  /** The kind of mistake. */
  readonly reason: PingReason;
  /** A sentence that says how to correct the mistake. */
  readonly remedy: string;
  /** The error that Redis or the connection gave. */
  readonly error: RedisPatternsError;
}

/**
 * Finds out whether the patterns can work over this port, and what is wrong if they cannot. The usual mistakes are a wrong password or
 * token, TLS on one side only, one node of a Cluster, a replica, a read-only token, a user without the keys or channels of the prefix, and a
 * wrong URL. It stores, reads and deletes one key and publishes one message, by EVAL and by EVALSHA. It takes two trips, and one more
 * where Redis does not keep a script or does not know its header.
 * @throws {OptionError} `redis` is not a port.
 * @example
 * const pong = await ping(redis, { prefix: "app" });
 * if (!pong.ok) throw new Error(pong.remedy, { cause: pong.error });
 * console.log(`${pong.latency} ms, clocks differ by ${pong.clockDifference} ms`);
 */
export async function ping(redis: Redis, options?: PingOptions): Promise<Ping> {
  const { signal, prefix = "redis-patterns", channels = true } = checkOptions(options, '{ prefix: "app" }') ?? {};
  const namespace = namespaceOf("ping", prefix);
  const channel = checkFlag("channels", channels) ? keyOf(namespace, "ping", "news") : "";
  const trial: Trial = { redis: checkPort(redis, {}), namespace, rest: [1, keyOf(namespace, "ping"), channel], signal };
  try {
    const script = await tryAll(trial);
    return await measure(trial, script);
  } catch (error) {
    if (isPortError(error)) return { ok: false, ...diagnose(error), error };
    throw error;
  }
}

interface Trial {
  readonly redis: Redis;
  readonly namespace: string;
  /** What follows the script in its command: the count of keys, the key, the channel. */
  readonly rest: readonly [count: number, key: string, channel: string];
  readonly signal: AbortSignal | undefined;
}

/** Ids whose slots are spread evenly over the 16,384 of a Cluster. */
const spreadSlots = ["2867", "1976", "130", "1386", "1820", "2931", "246", "2837"];

/** Runs the script by its text, and asks for keys of many slots. Gives the text that the server knows from then on. */
async function tryAll(trial: Trial, header = trial.redis.scriptHeader): Promise<string> {
  const { redis, namespace, rest, signal } = trial;
  const script = header ? `${header}\n${pingScript}` : pingScript;
  // A port without `masters` expects a single server. If that is a node of a Cluster, it refuses most of these slots.
  const slots = redis.masters ? [] : spreadSlots.map((id): Command => ["GET", keyOf(namespace, id)]);
  const replies = await redis.pipeline([["EVAL", script, ...rest], ...slots], { signal });
  if (header && knowsNoHeader(replies[0])) return tryAll(trial, "");
  const refusal = replies.find((reply) => isReplyError(reply));
  if (refusal) throw refusal;
  return script;
}

async function measure({ redis, rest, signal }: Trial, script: string): Promise<Ping> {
  const run = async (...command: Command) => {
    const [before, start] = [Date.now(), performance.now()];
    const reply = await redis.send([...command, ...rest], { signal });
    return read(reply, before, performance.now() - start);
  };
  try {
    return await run("EVALSHA", await hexDigest("SHA-1", script));
  } catch (error) {
    // The patterns send the text again then, too.
    if (codeOf(error) === "NOSCRIPT") return run("EVAL", script);
    throw error;
  }
}

/** Reads what the script answered to a trip that began at `before`. */
function read(reply: Reply, before: number, latency: number): Ping {
  const [seconds = null, microseconds = null, refusal = ""] = Array.isArray(reply) ? reply : [];
  const serverTime = integer(seconds) * 1_000 + integer(microseconds) / 1_000;
  const refused = text(refusal);
  if (refused === "") return { ok: true, latency, clockDifference: Math.round(serverTime - before - latency / 2) };
  return { ok: false, reason: "channels", remedy: withoutChannels, error: new ReplyError(refused.replace(/^-/, "")) };
}

const withoutChannels =
  "Let the user run PUBLISH on the channels of this prefix, or pass { channels: false } if nobody is to be told of news";
