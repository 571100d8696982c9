import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { type RedisServer, startRedis } from "./redis-server.ts";

/** Where a node listens. */
export interface ClusterNode {
  readonly host: string;
  readonly port: number;
}

/** A Redis Cluster of three masters, each with a replica. */
export interface RedisCluster {
  readonly nodes: readonly ClusterNode[];
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
}

const masters = 3;
const slots = 16_384;

// A replica is listed once it has synchronised and been pinged: at once, not after the default 5 and 10 seconds.
const clusterMode =
  "--cluster-enabled yes --cluster-node-timeout 5000 --repl-diskless-sync-delay 0 --repl-ping-replica-period 1".split(
    " ",
  );

export async function startCluster(): Promise<RedisCluster> {
  const servers = await Promise.all(Array.from({ length: masters * 2 }, () => startRedis(...clusterMode)));
  const clients = servers.map((server) => new Redis({ host: server.host, port: server.port }));
  try {
    await join(servers, clients);
    await assign(clients);
    await Promise.all(clients.map(settled));
  } finally {
    for (const client of clients) client.disconnect();
  }
  return {
    nodes: servers.map(({ host, port }) => ({ host, port })),
    servers,
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  };
}

async function join(servers: readonly RedisServer[], clients: readonly Redis[]): Promise<void> {
  await Promise.all(clients.map((client, i) => client.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1)));
  // Everyone meets everyone: gossip alone would take ten seconds.
  await Promise.all(
    clients.flatMap((client) => servers.map(({ host, port }) => client.call("CLUSTER", "MEET", host, port))),
  );
  await until(async () => {
    const known = await Promise.all(clients.map((client) => client.call("CLUSTER", "NODES")));
    return known.every((lines) => String(lines).trim().split("\n").length === servers.length);
  });
}

async function assign(clients: readonly Redis[]): Promise<void> {
  const ids = await Promise.all(clients.map((client) => client.call("CLUSTER", "MYID")));
  const share = Math.ceil(slots / masters);
  for (const [i, client] of clients.entries()) {
    if (i < masters) {
      const range = Array.from({ length: Math.min(share, slots - i * share) }, (_, slot) => i * share + slot);
      await client.call("CLUSTER", "ADDSLOTS", ...range);
    } else {
      const master = String(ids[i - masters]);
      await until(() =>
        client.call("CLUSTER", "REPLICATE", master).then(
          () => true,
          () => false,
        ),
      );
    }
  }
}

async function settled(client: Redis): Promise<void> {
  await until(async () => {
    const info = await client.cluster("INFO");
    const ranges: unknown = await client.call("CLUSTER", "SLOTS");
    const served = Array.isArray(ranges) && ranges.length === masters && ranges.every(hasReplica);
    return info.includes("cluster_state:ok") && served;
  });
}

/** A row of CLUSTER SLOTS: from, to, master, replica. */
function hasReplica(range: unknown): boolean {
  return Array.isArray(range) && range.length === 4;
}

async function until(done: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await done())) {
    if (performance.now() > deadline) throw new Error("The cluster did not settle within 30 s");
    await sleep(50);
  }
}
