import { checkOptions, checkPort } from "../check.ts";
import { ConnectionError, type RedisPatternsError, ReplyError } from "../errors.ts";
import { keyOf, namespaceOf } from "../keys.ts";
import { pingScript } from "./ping.lua.ts";
import type { Command, Redis } from "./redis.ts";
import { integers } from "./reply.ts";

/** Options of `ping`. */
export interface PingOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The prefix of the keys that are probed, which begin with `ping:` and the prefix, for an ACL that restricts keys. Nothing is stored
   * under them.
   * @default "redis-patterns"
   */
  readonly prefix?: string | undefined;
}

/** The result of a ping. */
export type Ping = PingSuccess | PingFailure;

/** Redis is reachable and runs scripts that write, which is all that the patterns need. */
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

/** A kind of mistake in a connection to Redis. */
export type PingReason =
  | "credentials"
  | "permission"
  | "replica"
  | "cluster"
  | "tls"
  | "endpoint"
  | "unavailable"
  | "unreachable"
  | "unknown";

/**
 * Finds out whether the patterns can work over this port, and what is wrong if they cannot. The usual mistakes are a wrong password or
 * token, TLS on one side only, one node of a Cluster, a replica, a read-only token, and a wrong URL. It takes two trips.
 * @throws {OptionError} `redis` is not a port.
 * @example
 * const pong = await ping(redis);
 * if (!pong.ok) throw new Error(pong.remedy, { cause: pong.error });
 * console.log(`${pong.latency} ms, clocks differ by ${pong.clockDifference} ms`);
 */
export async function ping(redis: Redis, options?: PingOptions): Promise<Ping> {
  const { signal, prefix = "redis-patterns" } = checkOptions(options, '{ prefix: "app" }') ?? {};
  const namespace = namespaceOf("ping", prefix);
  const key = keyOf(namespace, "ping");
  try {
    // A port without `masters` expects a single server. If that is a node of a Cluster, it refuses most of these slots.
    const probes = checkPort(redis, {}).masters
      ? []
      : spreadSlots.map((tag): Command => ["EXISTS", keyOf(namespace, tag)]);
    const replies = await redis.pipeline([["EVAL", pingScript, 1, key], ...probes], { signal });
    const refusal = replies.find((reply) => reply instanceof ReplyError);
    if (refusal) throw refusal;
    return await measure(redis, key, signal);
  } catch (error) {
    if (error instanceof ReplyError || error instanceof ConnectionError) return diagnose(error);
    throw error;
  }
}

/** Ids whose slots are spread evenly over the 16,384 of a Cluster. */
const spreadSlots = ["2867", "1976", "130", "1386", "1820", "2931", "246", "2837"];

async function measure(redis: Redis, key: string, signal: AbortSignal | undefined): Promise<PingSuccess> {
  const before = Date.now();
  const start = performance.now();
  const [seconds = 0, microseconds = 0] = integers(await redis.send(["EVAL", pingScript, 1, key], { signal }));
  const latency = performance.now() - start;
  const serverTime = seconds * 1_000 + microseconds / 1_000;
  return { ok: true, latency, clockDifference: Math.round(serverTime - before - latency / 2) };
}

/** The first clue that fits the text of the error and its causes counts. */
const mistakes: readonly (readonly [clue: RegExp, reason: PingReason, remedy: string])[] = [
  [/WRONGPASS|NOAUTH|DENIED|unauthori[sz]ed/i, "credentials", "Check the password or token, and the user's name"],
  [/NOPERM|user executing the script/, "permission", "Let the user run scripts and write; a read-only token cannot"],
  [/READONLY/, "replica", "This is a replica; connect to the master, or let Sentinel or the Cluster find it"],
  [/cluster support disabled/, "cluster", "This server is not a Cluster; pass a Redis client instead of a Cluster"],
  [/MOVED|CROSSSLOT|^ASK /m, "cluster", "This is a node of a Cluster; pass a Cluster client instead of a Redis"],
  [
    /LOADING|CLUSTERDOWN|MASTERDOWN|BUSY|MISCONF|HTTP (5|429)|REST endpoint failed|ERR max /,
    "unavailable",
    "Try later",
  ],
  [/Upstash-compatible/, "endpoint", "Check the URL: it must be the REST URL of a database, or of a gateway"],
  [
    /SSL|TLS|CERT|EPROTO|altname|before it was ready/i,
    "tls",
    "Use rediss:// where the port speaks TLS, and only there",
  ],
];

function diagnose(error: ReplyError | ConnectionError): PingFailure {
  const text = errorText(error);
  const found = mistakes.find(([clue]) => clue.test(text));
  if (found) return { ok: false, reason: found[1], remedy: found[2], error };
  if (error instanceof ReplyError) return { ok: false, reason: "unknown", remedy: "See what Redis said", error };
  return {
    ok: false,
    reason: "unreachable",
    remedy: "Check the address, and that nothing on the way blocks it",
    error,
  };
}

/** The codes and messages of an error and of its causes. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const code = "code" in error ? String(error.code) : "";
  return `${code}\n${error.message}\n${errorText(error.cause)}`;
}
