import { unchecked } from "../../../core/unchecked.ts";
import type { IoredisClient, Socket } from "../client.ts";

/** The connection on which messages come. A Cluster has one of its own for that, to a node of its choice, or for a moment none. */
export function connectionOf(client: IoredisClient): IoredisClient | undefined {
  if (!client.isCluster) return client;
  return unchecked<ClusterSubscriber | undefined>(Reflect.get(client, "subscriber"))?.getInstance?.() ?? undefined;
}

interface ClusterSubscriber {
  getInstance?(): IoredisClient | null;
}

/** The socket of a connection, while it has one. */
export function socketOf(connection: IoredisClient | undefined): Socket | undefined {
  return (connection && unchecked<Socket | null>(Reflect.get(connection, "stream"))) ?? undefined;
}
