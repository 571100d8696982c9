import { ReplyError } from "../../core/errors.ts";

/** Options for `new Redis(url, preset)`. `{ ...preset, password }` adds to them. Times are in milliseconds. */
export interface ConnectionPreset {
  /** The deadline of a new connection. */
  readonly connectTimeout: number;
  /** The time after which the operating system begins to probe an idle connection. */
  readonly keepAlive: number;
  /** The number of failed reconnections that a waiting command survives. */
  readonly maxRetriesPerRequest: number;
  /** `true` waits on each connection until Redis has loaded its data. */
  readonly enableReadyCheck: boolean;
  /** `true` connects with the first command, `false` at once. */
  readonly lazyConnect: boolean;
  /** Gives the pause before a reconnection. */
  retryStrategy(attempt: number): number;
  /** After a failover the old master answers READONLY. The answer 2 reconnects and sends the refused command again. */
  reconnectOnError(error: Error): 2 | false;
}

/** Options for `new Cluster(nodes, preset)`. */
export interface ClusterPreset {
  /** Keeps the name of the node instead of its address, since TLS certificates contain the name. */
  dnsLookup(hostname: string, callback: (error: null, address: string) => void): void;
  /** The deadline for reading the map of slots from a node. */
  readonly slotsRefreshTimeout: number;
  /** `true` connects with the first command, `false` at once. */
  readonly lazyConnect: boolean;
  /** Gives the pause before the next attempt, when no node was reached. */
  clusterRetryStrategy(attempt: number): number;
  /** Options of the connection to each node. */
  readonly redisOptions: Pick<ConnectionPreset, "connectTimeout" | "keepAlive"> & {
    /** An empty object checks the certificate against the certification authorities that Node knows. */
    readonly tls: Record<string, unknown>;
  };
}

/**
 * For AWS Lambda, with the client at module scope. Lambda freezes a function between calls, so the connection may be closed afterwards, or
 * dead without a sign. A closed connection costs about 50 ms. A dead one costs half of the call's deadline, after which the adapter sends
 * what is idempotent over a new connection: so the call of a pattern succeeds within its own deadline.
 */
export const lambda: ConnectionPreset = {
  lazyConnect: true,
  connectTimeout: 1_000,
  keepAlive: 30_000,
  maxRetriesPerRequest: 1,
  enableReadyCheck: false,
  retryStrategy: (attempt) => Math.min(50 * attempt, 500),
  reconnectOnError: reconnectIfReadOnly,
};

/**
 * For a long-lived server: 2 seconds for a connection, 3 retries, and reconnection after 50 ms to 2 seconds. Blocking commands such as
 * `XREAD BLOCK` need a client of their own.
 */
export const server: ConnectionPreset = {
  lazyConnect: false,
  connectTimeout: 2_000,
  keepAlive: 30_000,
  maxRetriesPerRequest: 3,
  enableReadyCheck: true,
  retryStrategy: (attempt) => Math.min(50 * attempt, 2_000),
  reconnectOnError: reconnectIfReadOnly,
};

/**
 * For a Cluster behind TLS, such as ElastiCache or MemoryDB. The configuration endpoint is the only node that the client needs. Use
 * `setPassword` for passwords that expire, such as IAM tokens.
 */
export const managedCluster: ClusterPreset = {
  lazyConnect: true,
  dnsLookup: (hostname, callback) => callback(null, hostname),
  slotsRefreshTimeout: 2_000,
  clusterRetryStrategy: (attempt) => Math.min(50 * attempt, 2_000),
  redisOptions: { tls: {}, connectTimeout: 2_000, keepAlive: 30_000 },
};

function reconnectIfReadOnly(error: Error): 2 | false {
  return new ReplyError(error.message).code === "READONLY" && 2;
}
