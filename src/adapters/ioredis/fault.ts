import { ReplyError } from "../../core/errors.ts";
import type { IoredisClient } from "./client.ts";
import { loseUnanswered } from "./written.ts";

/** The last fault of each client's connection, until the client is ready again. */
const faults = new WeakMap<IoredisClient, Fault>();

interface Fault {
  last?: unknown;
  /** Whether the newest connection has ever been ready. */
  wasReady: boolean;
  /** What Redis refused last, where the client tries again by itself, and the time of `performance.now()`. */
  refusal?: { readonly error: unknown; readonly at: number };
}

/**
 * Remembers the faults of a client's connection, since a client that reconnects has the reason only between two attempts. The `error` event
 * is left to the caller. Of a Cluster's nodes and of Sentinels only the message is kept, since the error may contain a password.
 */
export function watchFaults(client: IoredisClient): void {
  if (faults.has(client)) return;
  const fault: Fault = { wasReady: client.status === "ready" };
  faults.set(client, fault);
  const note = (error: unknown) => {
    if (error) fault.last = messageAlone(error, fault.last);
  };
  client.on("ready", () => {
    fault.wasReady = true;
    delete fault.last;
  });
  client.on("connecting", () => {
    fault.wasReady = false;
  });
  client.on("close", () => {
    loseUnanswered(client);
    fault.last = socketOf(client).errored ?? fault.last;
  });
  client.on("sentinelError", note);
  client.on("node error", note);
  // Here a client hears what it is refused while it connects: a password, or that Redis is busy. Between two attempts nobody else knows.
  wrap(client, "recoverFromFatalError", (recover, refusal, ...rest) => {
    note(rest[0] ?? refusal);
    return recover(refusal, ...rest);
  });
  wrap(client.options, "reconnectOnError", (decide, error) => {
    const decision = decide(error);
    if (decision) fault.refusal = { error: messageAlone(error), at: performance.now() };
    return decision;
  });
  if (client.isCluster) watchCluster(client, note);
}

/** Why a Cluster does not reach its nodes is known to their sockets alone, and why it does not find them to its lookups. */
function watchCluster(client: IoredisClient, note: (error: unknown) => void): void {
  // The map of slots is asked for over copies of the nodes.
  const watchCopies = (node: unknown) =>
    wrap(node as IoredisClient, "duplicate", (duplicate, ...options) => {
      const copy = duplicate(...options) as IoredisClient;
      return copy.on("close", () => note(socketOf(copy).errored));
    });
  client.nodes?.("all").forEach(watchCopies);
  client.on("+node", watchCopies);
  wrap(client.options, "dnsLookup", (lookup, host, found) =>
    lookup(host, (...answer: unknown[]) => {
      note(answer[0]);
      (found as Call)(...answer);
    }),
  );
}

type Call = (...args: unknown[]) => unknown;

/** Puts a function in the place of an object's method; it gets that method first. */
function wrap(target: object, name: string, by: (method: Call, ...args: unknown[]) => unknown): void {
  const method: unknown = Reflect.get(target, name);
  if (method) Reflect.set(target, name, by.bind(undefined, (method as Call).bind(target)));
}

/** An error without its fields. "Connection is closed." says less than what is known already. */
function messageAlone(error: unknown, known?: unknown): unknown {
  const { message } = new ReplyError((error as Error).message);
  return known && message.startsWith("Connection is closed") ? known : new Error(message);
}

/** What Redis refused in the last `duration` milliseconds so that the client connected anew, such as a READONLY. */
export function recentRefusal(client: IoredisClient, duration: number): unknown {
  const { refusal } = faults.get(client) ?? {};
  return refusal && performance.now() - refusal.at < duration ? refusal.error : undefined;
}

/**
 * Finds the reason why there is no connection. ioredis gives it to the caller's `error` listeners only, and some reasons to no listener. So
 * it is read from the socket, which does not depend on the version of ioredis.
 */
export function connectionFault(client: IoredisClient): unknown {
  const { last, wasReady } = faults.get(client) ?? {};
  if (client.status === "end" && wasReady && !last) return new Error("The client was closed for good");
  if (client.isCluster) return last;
  const { errored, encrypted, secureConnecting, connecting, closed } = socketOf(client);
  if (errored) return errored;
  if (encrypted && secureConnecting && !connecting) return new Error("The TLS handshake was not answered");
  return (
    last ??
    (closed ? new Error(`The server closed the connection${wasReady ? "" : " before it was ready"}`) : undefined)
  );
}

interface Socket {
  readonly errored?: unknown;
  readonly connecting?: boolean;
  readonly closed?: boolean;
  readonly encrypted?: boolean;
  readonly secureConnecting?: boolean;
}

function socketOf(client: IoredisClient): Socket {
  return (Reflect.get(client, "stream") as Socket | null | undefined) ?? {};
}
