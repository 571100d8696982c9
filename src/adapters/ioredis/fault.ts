import type { IoredisClient } from "./client.ts";

/** What last went wrong with each client's connection, until it is ready again. */
const faults = new WeakMap<IoredisClient, { last?: unknown }>();

/**
 * Remembers what went wrong: a client that tries again and again holds the reason only between two attempts. A listener for errors is
 * the caller's to add; of a Cluster's nodes the message is kept alone, for the error may hold a password.
 */
export function watchFaults(client: IoredisClient): void {
  if (faults.has(client)) return;
  const fault: { last?: unknown } = {};
  faults.set(client, fault);
  client.on("ready", () => delete fault.last);
  client.on("close", () => {
    fault.last = socketOf(client).errored ?? fault.last;
  });
  client.on("node error", (error) => {
    fault.last = new Error(error instanceof Error ? error.message : "A node failed");
  });
}

/**
 * Why there is no connection: ioredis tells its `error` listeners only, which are the caller's, and of some reasons nobody. It is
 * read off the socket, without internals of ioredis that a version could change the meaning of.
 */
export function connectionFault(client: IoredisClient): unknown {
  const last = faults.get(client)?.last;
  if (client.isCluster) return last;
  const { errored, encrypted, secureConnecting, connecting, closed } = socketOf(client);
  if (errored) return errored;
  if (encrypted && secureConnecting && !connecting) return new Error("The TLS handshake was not answered");
  return last ?? (closed ? new Error("The server closed the connection before it was ready") : undefined);
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
