import type { IoredisClient } from "./client.ts";
import { loseUnanswered } from "./written.ts";

/** The last fault of each client's connection, until the client is ready again. */
const faults = new WeakMap<IoredisClient, Fault>();

interface Fault {
  last?: unknown;
  /** Whether the newest connection has ever been ready. */
  wasReady: boolean;
}

/**
 * Remembers the faults of a client's connection, since a client that reconnects has the reason only between two attempts. The `error` event
 * is left to the caller. Of a Cluster's nodes only the message is kept, since the error may contain a password.
 */
export function watchFaults(client: IoredisClient): void {
  if (faults.has(client)) return;
  const fault: Fault = { wasReady: client.status === "ready" };
  faults.set(client, fault);
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
  client.on("node error", (error) => {
    fault.last = new Error(error instanceof Error ? error.message : "A node failed");
  });
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
