import { Redis as UpstashRedis } from "@upstash/redis";
import { Cluster, Redis as Ioredis, type RedisOptions } from "ioredis";
import { Redis as Ioredis5 } from "ioredis-5";
import { expect, inject } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { type Memory, memory } from "../../src/adapters/memory/memory.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { restSubscriber } from "../../src/adapters/rest/subscriber.ts";
import { upstash } from "../../src/adapters/upstash/upstash.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import { strangers } from "../fixtures/commands/known.ts";
import { createUser, type DocumentedUser, type Login } from "./acl.ts";
import { type CuttingProxy, startCuttingProxy } from "./cutting-proxy.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";
import { commandsOf } from "./inspect.ts";
import { watchMachine } from "./stopwatch.ts";

/** What to close when a suite ends, last opened first. */
export type Closing = (() => unknown)[];

/** A client, a protocol, a server. */
export interface Row {
  readonly name: string;
  /** It differs from "ioredis 6" only in how the client reads replies, which the suites of the port try on every row. */
  readonly readsOtherwise?: boolean;
  /** Its clock is the `Date` of this process. What moves that is no caller whose clock is wrong, so such tests leave the row out. */
  readonly sharesClock?: boolean;
  /** It has the second port. */
  readonly listens?: boolean;
  /** Without a user, its connections may do everything. */
  open(server: RedisServer, closing: Closing, deadline: Deadline, user?: DocumentedUser): Promise<Opened>;
}

/** The adapters' own deadline, where it is not the default. */
export interface Deadline {
  readonly timeout?: number;
}

interface Opened {
  connect(): Promise<Redis>;
  /** The second port, on a connection of its own, as the documented user who listens. Rows that listen have it. */
  listen?(): Promise<Subscriber>;
  readonly servers: readonly Redis[];
}

/** A row on the test file's own server. */
export interface StandaloneRow extends Row {
  /** What the client runs again by itself when a reply was lost: everything, or what is marked `idempotent`. */
  readonly resends: "always" | "idempotent";
  connectThroughProxy(server: RedisServer, closing: Closing): Promise<Unreliable>;
}

/** A port whose replies can be lost on the way. */
export interface Unreliable {
  readonly redis: Redis;
  readonly proxy: CuttingProxy;
}

type Address = Partial<Login> & { readonly host: string; readonly port: number };

const quiet = { lazyConnect: true } satisfies RedisOptions;

/** The server of one test file, and for how long the machine gave no turn since, in milliseconds. */
export async function openServer(): Promise<RedisServer & { late(): number }> {
  const server = await startRedis();
  const { stop } = server;
  const watch = watchMachine();
  return Object.assign(server, {
    late: watch.late,
    async stop() {
      watch.stop();
      try {
        await expectKnownCommands(server);
      } finally {
        await stop();
      }
    },
  });
}

/**
 * Fails if the server has executed a command that nothing compares with the embedded engine's, which answers in its place elsewhere. A
 * server that was killed meanwhile has forgotten what it executed.
 */
async function expectKnownCommands(server: RedisServer): Promise<void> {
  const closing: Closing = [];
  server.resume();
  const commands = await commandsOf(direct(server, closing)).catch(() => []);
  for (const close of closing) close();
  expect(strangers(commands), "commands that test/fixtures/commands does not know").toEqual([]);
}

/** `BACKENDS=rest,Cluster` keeps the rows whose name contains one of the words. */
const wanted = (process.env["BACKENDS"] ?? "").split(",");
/** Whether some rows were asked for by name. */
export const areChosen = Boolean(process.env["BACKENDS"]);
const isWanted = ({ name }: Row) => wanted.some((word) => name.includes(word.trim()));

export const standaloneRows: readonly StandaloneRow[] = [
  readingOtherwise(tcpRow("ioredis 5", (at) => new Ioredis5({ ...at, ...quiet }))),
  tcpRow("ioredis 6", (at) => new Ioredis({ ...at, ...quiet })),
  readingOtherwise(tcpRow("ioredis 6, protocol 2", (at) => new Ioredis({ ...at, ...quiet, protocol: 2 }))),
  readingOtherwise(tcpRow("ioredis 6, resp3 replies", (at) => new Ioredis({ ...at, ...quiet, replyMapping: "resp3" }))),
  httpRow("rest", "idempotent", (endpoint, deadline) => rest({ ...endpoint, ...deadline })),
  httpRow("upstash", "always", (endpoint, deadline) => upstash(new UpstashRedis(endpoint), deadline)),
].filter(isWanted);

/** The embedded engine, which knows no users. Its clients are those of one process. */
export const memoryRows: readonly Row[] = [
  memoryRow("memory", async (redis) => ({ connect: async () => ({ ...redis }), listen: async () => redis })),
  memoryRow("rest over memory", async (redis, closing, deadline) => {
    const token = "the-token-of-the-tests";
    const gateway = await serveGateway(redis, { tokens: [token], subscriber: redis });
    closing.push(() => gateway.close(0));
    const endpoint = { url: gateway.url, token, ...deadline };
    return { connect: async () => rest(endpoint), listen: async () => restSubscriber(endpoint) };
  }),
].filter(isWanted);

export const clusterRows: readonly Row[] = [{ name: "ioredis 6, Cluster", listens: true, open: openCluster }].filter(
  isWanted,
);

function readingOtherwise(row: StandaloneRow): StandaloneRow {
  return { ...row, readsOtherwise: true };
}

function tcpRow(name: string, create: (at: Address) => Ioredis | Ioredis5): StandaloneRow {
  const open = async (at: Address, closing: Closing) => {
    const client = create(at);
    client.on("error", () => {});
    closing.push(() => client.disconnect());
    await client.connect();
    return client;
  };
  const connect = async (at: Address, closing: Closing, deadline?: Deadline) =>
    ioredis(await open(at, closing), deadline);
  return {
    name,
    resends: "idempotent",
    listens: true,
    async open({ host, port }, closing, deadline, user) {
      const admin = direct({ host, port }, closing);
      const login = user && (await createUser(admin, "app", user));
      let listener: Promise<Login> | undefined;
      return {
        connect: () => connect({ host, port, ...login }, closing, deadline),
        async listen() {
          if (user) listener ??= createUser(admin, "listener", user);
          return ioredisSubscriber(await open({ host, port, ...(await listener) }, closing), deadline);
        },
        servers: [admin],
      };
    },
    async connectThroughProxy(server, closing) {
      const proxy = await startCuttingProxy(server);
      closing.push(proxy.stop);
      return { redis: await connect(proxy, closing), proxy };
    },
  };
}

/** A client of the REST protocol, with a gateway between it and the server. */
function httpRow(
  name: string,
  resends: StandaloneRow["resends"],
  connect: (endpoint: { readonly url: string; readonly token: string }, deadline?: Deadline) => Redis,
): StandaloneRow {
  const token = "the-token-of-the-tests";
  const openGateway = async (server: Address, closing: Closing, deadline?: Deadline, listener?: Login) => {
    const client = new Ioredis({ ...server, ...listener, ...quiet });
    client.on("error", () => {});
    closing.push(() => client.disconnect());
    const subscriber = ioredisSubscriber(client, deadline);
    const gateway = await serveGateway(direct(server, closing, deadline), { tokens: [token], subscriber });
    closing.push(() => gateway.close(0));
    return gateway.url;
  };
  return {
    name,
    resends,
    listens: true,
    async open({ host, port }, closing, deadline, user) {
      const admin = direct({ host, port }, closing);
      const login = user && (await createUser(admin, "gateway", user));
      const listener = user && (await createUser(admin, "listener", user));
      const url = await openGateway({ host, port, ...login }, closing, deadline, listener);
      return {
        connect: async () => connect({ url, token }, deadline),
        listen: async () => restSubscriber({ url, token, ...deadline }),
        servers: [admin],
      };
    },
    async connectThroughProxy(server, closing) {
      const { hostname, port } = new URL(await openGateway({ host: server.host, port: server.port }, closing));
      const proxy = await startCuttingProxy({ host: hostname, port: Number(port) });
      closing.push(proxy.stop);
      const redis = connect({ url: `http://${proxy.host}:${proxy.port}`, token });
      // The first call opens the connections behind the gateway; the deadline of a test is not for that.
      await redis.send(["PING"]);
      return { redis, proxy };
    },
  };
}

function memoryRow(
  name: string,
  serve: (redis: Memory, closing: Closing, deadline: Deadline) => Promise<Omit<Opened, "servers">>,
): Row {
  return {
    name,
    sharesClock: true,
    listens: true,
    async open(_, closing, deadline) {
      const redis = memory(deadline);
      closing.push(redis.close);
      return { servers: [redis], ...(await serve(redis, closing, deadline)) };
    },
  };
}

/** A port straight to one server, whatever the row tests. */
function direct(at: Address, closing: Closing, deadline?: Deadline): Redis {
  const client = new Ioredis({ ...at });
  client.on("error", () => {});
  closing.push(() => client.disconnect());
  return ioredis(client, deadline);
}

async function openCluster(
  _: RedisServer,
  closing: Closing,
  deadline: Deadline,
  user?: DocumentedUser,
): Promise<Opened> {
  const clusters = inject("clusters");
  const worker = Number(process.env["VITEST_POOL_ID"]);
  const nodes = [...(clusters[worker - 1] ?? [])];
  const connect = async (login?: Login) => {
    const cluster = new Cluster(nodes, { lazyConnect: true, redisOptions: { ...login } });
    closing.push(() => cluster.disconnect());
    await cluster.connect();
    return cluster;
  };
  const admin = await connect();
  const servers = admin.nodes("master").map((master) => ioredis(master));
  // Each node has its own users.
  const logins = await Promise.all(user ? servers.map((server) => createUser(server, "app", user)) : []);
  let listeners: Promise<Login[]> | undefined;
  return {
    servers,
    connect: async () => ioredis(await connect(logins[0]), deadline),
    async listen() {
      // It listens to a node of its choice, which may be a replica.
      if (user)
        listeners ??= Promise.all(admin.nodes("all").map((node) => createUser(ioredis(node), "listener", user)));
      const [login] = (await listeners) ?? [];
      return ioredisSubscriber(await connect(login), deadline);
    },
  };
}
