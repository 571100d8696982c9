import { afterAll, beforeAll, describe, inject } from "vitest";
import { Cluster, Redis as Ioredis, type RedisOptions } from "ioredis";
import { Redis as Ioredis5 } from "ioredis-5";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import type { Redis } from "../../src/core/redis.ts";
import { type CuttingProxy, startCuttingProxy } from "./cutting-proxy.ts";
import { expectNoImmortalKey, expectNoSlowCommand, scanKeys } from "./inspect.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";

/** One row of the list that every contract suite runs on: a client, a protocol, a server. */
export interface Backend {
  readonly name: string;
  /** What every key of this suite must begin with. */
  readonly prefix: string;
  /** A port on a connection of its own; closed with the suite. */
  connect(): Promise<Redis>;
  /** A port on a connection through a proxy that can lose replies. Absent on the Cluster, whose clients dial the nodes themselves. */
  connectThroughProxy?(): Promise<{ readonly redis: Redis; readonly proxy: CuttingProxy }>;
  /** The servers themselves, the masters of a Cluster: to look, and to break. */
  readonly servers: readonly Ioredis[];
  /** What the servers executed while `work` ran, by lower-case command name, commands inside scripts included. */
  count(work: () => Promise<unknown>): Promise<Record<string, number>>;
  /** The process, where it is this suite's own and may be paused and killed. Absent on the Cluster. */
  readonly server?: RedisServer;
  /** The keys that begin with the suite's prefix. */
  keys(): Promise<string[]>;
}

interface Row {
  readonly name: string;
  open(
    server: RedisServer,
    closing: (() => unknown)[],
  ): Promise<Pick<Backend, "connect" | "connectThroughProxy" | "servers" | "server">>;
}

const quiet = { lazyConnect: true } satisfies RedisOptions;

const rows: readonly Row[] = [
  tcpRow("ioredis 5", (at) => new Ioredis5({ ...at, ...quiet })),
  tcpRow("ioredis 6", (at) => new Ioredis({ ...at, ...quiet })),
  tcpRow("ioredis 6, protocol 2", (at) => new Ioredis({ ...at, ...quiet, protocol: 2 })),
  tcpRow("ioredis 6, resp3 replies", (at) => new Ioredis({ ...at, ...quiet, replyMapping: "resp3" })),
  { name: "ioredis 6, Cluster", open: openCluster },
];

/** Runs a suite on every backend, or on those whose name contains one of the comma-separated words in `BACKENDS`. */
export function onEveryBackend(subject: string, suite: (backend: Backend) => void): void {
  const wanted = (process.env["BACKENDS"] ?? "").split(",");
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis();
  }, 30_000);
  afterAll(() => server.stop());
  for (const row of rows.filter(({ name }) => wanted.some((word) => name.includes(word.trim())))) {
    describe(`${subject} on ${row.name}`, () => {
      suite(lifecycle(row, () => server));
    });
  }
}

/** Opens the row before its tests and, after them, checks what a pattern must never leave behind. */
function lifecycle(row: Row, server: () => RedisServer): Backend {
  const prefix = `t${Math.random().toString(36).slice(2, 10)}`;
  const closing: (() => unknown)[] = [];
  let opened: Awaited<ReturnType<Row["open"]>>;
  beforeAll(async () => {
    opened = await row.open(server(), closing);
  }, 30_000);
  afterAll(async () => {
    await expectNoImmortalKey(opened.servers, prefix);
    await expectNoSlowCommand(opened.servers);
    for (const close of closing.toReversed()) await close();
  }, 30_000);
  return {
    name: row.name,
    prefix,
    connect: () => opened.connect(),
    ...(row.name.includes("Cluster")
      ? {}
      : { connectThroughProxy: () => opened.connectThroughProxy?.() ?? Promise.reject(new Error("no proxy")) }),
    get servers() {
      return opened.servers;
    },
    get server() {
      return opened.server as RedisServer;
    },
    count: (work) => countCommands(opened.servers, work),
    keys: () => scanKeys(opened.servers, prefix),
  };
}

type Address = { readonly host: string; readonly port: number };

function tcpRow(name: string, create: (at: Address) => Ioredis | Ioredis5): Row {
  return {
    name,
    async open(server, closing) {
      const connect = async (at: Address) => {
        const client = create(at);
        client.on("error", () => {});
        closing.push(() => client.disconnect());
        await client.connect();
        return ioredis(client);
      };
      const direct = new Ioredis({ host: server.host, port: server.port });
      closing.push(() => direct.disconnect());
      return {
        server,
        servers: [direct],
        connect: () => connect(server),
        async connectThroughProxy() {
          const proxy = await startCuttingProxy(server);
          closing.push(proxy.stop);
          return { redis: await connect(proxy), proxy };
        },
      };
    },
  };
}

async function openCluster(_: RedisServer, closing: (() => unknown)[]): ReturnType<Row["open"]> {
  const nodes = [...inject("clusterNodes")];
  const connect = async () => {
    const cluster = new Cluster(nodes, { lazyConnect: true });
    closing.push(() => cluster.disconnect());
    await cluster.connect();
    return cluster;
  };
  const masters = (await connect()).nodes("master");
  return { servers: masters, connect: async () => ioredis(await connect()) };
}

/** Commands that belong to the connection or to the measuring itself. */
const overhead = /^(info|config|hello|auth|client|cluster|ping|select|readonly|command|latency|slowlog|quit)\b/;

async function countCommands(
  servers: readonly Ioredis[],
  work: () => Promise<unknown>,
): Promise<Record<string, number>> {
  await Promise.all(servers.map((server) => server.config("RESETSTAT")));
  await work();
  const counts: Record<string, number> = {};
  for (const stats of await Promise.all(servers.map((server) => server.info("commandstats")))) {
    for (const [, name = "", calls] of stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)) {
      if (!overhead.test(name)) counts[name] = (counts[name] ?? 0) + Number(calls);
    }
  }
  return counts;
}
