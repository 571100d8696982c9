import type { RedisPatternsError } from "../errors.ts";
import { codeOf, isReplyError } from "../failure.ts";

/** A kind of mistake in a connection to Redis. */
export type PingReason =
  | "credentials"
  | "permission"
  | "channels"
  | "replica"
  | "cluster"
  | "memory"
  | "commands"
  | "tls"
  | "endpoint"
  | "closed"
  | "unavailable"
  | "unreachable"
  | "unknown";

/** What is wrong, and a sentence that says what to do. */
export interface Diagnosis {
  readonly reason: PingReason;
  readonly remedy: string;
}

/** The first clue that fits the text of the error and its causes counts. Redis 6 wraps the text of an error inside a script in another. */
const mistakes: readonly (readonly [clue: RegExp, reason: PingReason, remedy: string])[] = [
  [/protected mode/, "credentials", "Give the server a password, and connect with it"],
  [/WRONGPASS|NOAUTH|DENIED|unauthori[sz]ed/i, "credentials", "Check the password or token, and the user's name"],
  [
    /access (a key|(at least )?one of the keys)/i,
    "permission",
    "Let the user read and write the keys of this prefix, or pass the prefix of your patterns: { prefix }",
  ],
  [
    /NOPERM|executing the script|ACL failure/,
    "permission",
    "Let the user run EVAL, EVALSHA and what they write with; a read-only token cannot",
  ],
  [/READONLY/, "replica", "This is a replica; connect to the master, or let Sentinel or the Cluster find it"],
  [/cluster support disabled/, "cluster", "This server is not a Cluster; pass a Redis client instead of a Cluster"],
  [/MOVED|CROSSSLOT|^ASK /m, "cluster", "This is a node of a Cluster; pass a Cluster client instead of a Redis"],
  [/\bOOM\b/, "memory", "Redis has no memory left; raise its maxmemory, or delete what nobody needs"],
  [/MISCONF/, "unavailable", "Redis could not save its data and takes no writes; look for a full disk in its log"],
  [/NOREPLICAS/, "unavailable", "Too few replicas are connected; start them, or lower min-replicas-to-write"],
  [/LOADING/, "unavailable", "Redis is loading its data; try later"],
  [/\bBUSY\b/, "unavailable", "A script has run for too long; try later, or end it by SCRIPT KILL"],
  [/CLUSTERDOWN|MASTERDOWN/, "unavailable", "A part of the data has no master; try later, or look at the servers"],
  [/ERR max /, "unavailable", "Too many clients are connected; close some, or raise maxclients"],
  [/HTTP (5|429)|REST endpoint failed/, "unavailable", "The REST endpoint cannot serve now; try later"],
  [
    /unknown command|command is not (available|supported)/i,
    "commands",
    "Something on the way refuses EVAL or EVALSHA, which the patterns need; connect to Redis itself",
  ],
  [/Upstash-compatible/, "endpoint", "Check the URL: it must be the REST URL of a database, or of a gateway"],
  [
    /sentinel/,
    "unreachable",
    "No Sentinel gave the address of the master; check their addresses, and the name of the master",
  ],
  [/closed for good/, "closed", "This client was closed by quit() or disconnect(); make a new one"],
  [
    /SSL|TLS|CERT|EPROTO|altname|before it was ready/i,
    "tls",
    "Use rediss:// where the port speaks TLS, and only there",
  ],
];

/** Whether Redis refused a call, or was not reached. */
export function isPortError(error: unknown): error is RedisPatternsError {
  return isReplyError(error) || /^(CONNECTION|TIMEOUT)$/.test(codeOf(error));
}

export function diagnose(error: RedisPatternsError): Diagnosis {
  const text = errorText(error);
  const found = mistakes.find(([clue]) => clue.test(text));
  if (found) return { reason: found[1], remedy: found[2] };
  if (isReplyError(error)) return { reason: "unknown", remedy: "See what Redis said" };
  return { reason: "unreachable", remedy: "Check the address, and that nothing on the way blocks it" };
}

/** The codes and messages of an error and of its causes. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return "";
  const code = "code" in error ? String(error.code) : "";
  return `${code}\n${error.message}\n${errorText(error.cause)}`;
}
