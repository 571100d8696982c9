/** Options for `new Redis(url, preset)`: `{ ...preset, password }` adds to them. Times are milliseconds. */
export interface ConnectionPreset {
  /** How long a new connection may take. */
  readonly connectTimeout: number;
  /** How long written commands may go without any answer before the connection is given up and they are sent over a new one. */
  readonly socketTimeout: number;
  /** When the operating system begins to probe an idle connection. */
  readonly keepAlive: number;
  /** How many failed reconnections a waiting command survives. */
  readonly maxRetriesPerRequest: number;
  readonly enableReadyCheck: boolean;
  readonly lazyConnect: boolean;
  /** The pause before a reconnection. */
  retryStrategy(attempt: number): number;
  /** After a failover the old master answers READONLY: 2 reconnects and sends the refused command again. */
  reconnectOnError(error: Error): 2 | false;
}

/** Options for `new Cluster(nodes, preset)`. */
export interface ClusterPreset {
  /** Keeps the node's name instead of its address: a TLS certificate is made out to the name. */
  dnsLookup(hostname: string, callback: (error: null, address: string) => void): void;
  readonly slotsRefreshTimeout: number;
  readonly lazyConnect: boolean;
  clusterRetryStrategy(attempt: number): number;
  readonly redisOptions: Pick<ConnectionPreset, "connectTimeout" | "socketTimeout" | "keepAlive"> & {
    /** Empty: verify the certificate against the certification authorities that Node knows. */
    readonly tls: Record<string, unknown>;
  };
}

/**
 * For AWS Lambda, with the client at module scope. A function is frozen between calls, so it finds its connection closed, or dead
 * without a sign. A closed one costs about 50 ms, a dead one about a second, and the call then succeeds within the adapter's
 * deadline. A command whose answer was lost is sent again, which the patterns are made for.
 */
export const lambda: ConnectionPreset = {
  lazyConnect: true,
  connectTimeout: 1_000,
  socketTimeout: 1_000,
  keepAlive: 30_000,
  maxRetriesPerRequest: 1,
  enableReadyCheck: false,
  retryStrategy: (attempt) => Math.min(50 * attempt, 500),
  reconnectOnError: reconnectIfReadOnly,
};

/**
 * For a long-lived server: connections and answers within 2 seconds, 3 retries, reconnection after 50 ms up to 2 seconds.
 * Not for blocking commands such as `XREAD BLOCK`, which need a client of their own without `socketTimeout`.
 */
export const server: ConnectionPreset = {
  lazyConnect: false,
  connectTimeout: 2_000,
  socketTimeout: 2_000,
  keepAlive: 30_000,
  maxRetriesPerRequest: 3,
  enableReadyCheck: true,
  retryStrategy: (attempt) => Math.min(50 * attempt, 2_000),
  reconnectOnError: reconnectIfReadOnly,
};

/**
 * For a Cluster behind TLS such as ElastiCache or MemoryDB, made with its configuration endpoint as the only node. Passwords that
 * expire, such as IAM tokens, are renewed with `setPassword`.
 */
export const managedCluster: ClusterPreset = {
  lazyConnect: true,
  dnsLookup: (hostname, callback) => callback(null, hostname),
  slotsRefreshTimeout: 2_000,
  clusterRetryStrategy: (attempt) => Math.min(50 * attempt, 2_000),
  redisOptions: { tls: {}, connectTimeout: 2_000, socketTimeout: 1_000, keepAlive: 30_000 },
};

function reconnectIfReadOnly(error: Error): 2 | false {
  return error.message.startsWith("READONLY") && 2;
}
