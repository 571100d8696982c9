import type { IoredisClient } from "./client.ts";

/** What each Cluster last said of a node that it could not use. */
const nodeFaults = new WeakMap<IoredisClient, { last?: Error }>();

/** Remembers what a Cluster says of its nodes: it keeps nothing itself. The message only, for the error may hold a password. */
export function watchNodes(cluster: IoredisClient): void {
  if (nodeFaults.has(cluster)) return;
  const fault: { last?: Error } = {};
  nodeFaults.set(cluster, fault);
  cluster.on("node error", (error) => {
    fault.last = new Error(error instanceof Error ? error.message : "A node failed");
  });
}

/**
 * Why there is no connection: ioredis tells its `error` listeners only, which are the caller's, and of some reasons nobody. It is
 * read off the socket, without internals of ioredis that a version could change the meaning of.
 */
export function connectionFault(client: IoredisClient): unknown {
  if (client.isCluster) return nodeFaults.get(client)?.last;
  const { errored, encrypted, secureConnecting, connecting, closed } = socketOf(client);
  if (errored) return errored;
  if (encrypted && secureConnecting && !connecting) return new Error("The TLS handshake was not answered");
  return closed ? new Error("The server closed the connection before it was ready") : undefined;
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
