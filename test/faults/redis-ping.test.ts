import { createServer as createHttpServer, type Server } from "node:http";
import { createServer as createTcpServer } from "node:net";
import { Redis as UpstashRedis } from "@upstash/redis";
import { Cluster, Redis as Redis6 } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { upstash } from "../../src/adapters/upstash/upstash.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import type { PingReason } from "../../src/core/port/diagnosis.ts";
import { ping } from "../../src/core/port/ping.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { startCluster, type RedisCluster } from "../support/cluster.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { certificate, startTlsProxy, type TlsProxy } from "../support/tls-proxy.ts";

const versions = [
  { version: 5, create: (options: object) => new Redis5(options), cluster: (at: object) => new Cluster5([at]) },
  { version: 6, create: (options: object) => new Redis6(options), cluster: (at: object) => new Cluster([at]) },
] as const;

let server: RedisServer;
let tls: TlsProxy;
let nodes: RedisCluster;
const closing: { disconnect(): void }[] = [];

beforeAll(async () => {
  server = await startRedis();
  tls = await startTlsProxy(server);
  nodes = await startCluster();
}, 40_000);
afterEach(() => {
  for (const client of closing.splice(0)) client.disconnect();
});
afterAll(async () => {
  await tls.stop();
  await nodes.stop();
  await server.stop();
}, 40_000);

async function expectDiagnosis(redis: Redis, reason: PingReason, remedy: RegExp): Promise<void> {
  const found = await ping(redis);
  expect(found).toMatchObject({ ok: false, reason, remedy: expect.stringMatching(remedy) });
  expect(JSON.stringify(found)).not.toContain("s3cret");
}

describe.each(versions)("a ping over ioredis $version", ({ create, cluster }) => {
  const open = (options: object) => {
    const client = create({ host: server.host, port: server.port, retryStrategy: () => 50, ...options });
    client.on("error", () => {});
    closing.push(client);
    return ioredis(client, { timeout: 2_000 });
  };
  const openCluster = (at: object) => {
    const client = cluster(at);
    (client as Cluster).on("error", () => {});
    closing.push(client);
    return ioredis(client, { timeout: 1_000 });
  };

  it("measures the way and the clocks", async () => {
    const redis = open({});
    await redis.send(["PING"]);
    expect(await ping(redis)).toMatchObject({ ok: true });
    expect(await ping(openCluster(nodes.nodes[0] ?? {}))).toMatchObject({ ok: true });
    expect(await ping(open({ host: tls.host, port: tls.port, tls: { ca: certificate } }))).toMatchObject({ ok: true });
  });

  it("finds a password that is wrong or missing", async () => {
    await open({}).send(["CONFIG", "SET", "requirepass", "right"]);
    await expectDiagnosis(open({ password: "s3cret" }), "credentials", /password/);
    await expectDiagnosis(open({}), "credentials", /password/);
    await open({ password: "right" }).send(["CONFIG", "SET", "requirepass", ""]);
  });

  it("finds a user who may not write, or not on these keys", async () => {
    await open({}).send(["ACL", "SETUSER", "reader", "on", ">s3cret", "~*", "+@all", "-@write"]);
    await open({}).send(["ACL", "SETUSER", "tenant", "on", ">s3cret", "~*:tenant:*", "+@all"]);
    await expectDiagnosis(open({ username: "reader", password: "s3cret" }), "permission", /write/);
    const tenant = open({ username: "tenant", password: "s3cret" });
    await expectDiagnosis(tenant, "permission", /write/);
    expect(await ping(tenant, { prefix: "tenant", channels: false })).toMatchObject({ ok: true });
  });

  it("finds that the server is a replica", async () => {
    await open({}).send(["REPLICAOF", server.host, 1]);
    await expectDiagnosis(open({}), "replica", /master/);
    await open({}).send(["REPLICAOF", "NO", "ONE"]);
  });

  it("finds a node of a Cluster behind a plain client, whichever node it is", async () => {
    for (const node of nodes.nodes.slice(0, 3)) await expectDiagnosis(open(node), "cluster", /pass a Cluster client/);
  });

  it("finds a plain server behind a Cluster client", async () => {
    await expectDiagnosis(openCluster({ host: server.host, port: server.port }), "cluster", /instead of a Cluster/);
  });

  it("finds TLS missing, too much, or with a certificate that nobody knows", async () => {
    await expectDiagnosis(open({ port: tls.port }), "tls", /rediss:/);
    await expectDiagnosis(open({ tls: {} }), "tls", /rediss:/);
    await expectDiagnosis(open({ host: tls.host, port: tls.port, tls: {} }), "tls", /rediss:/);
  });

  it("finds that nothing is there, or nothing that answers", async () => {
    const silent = createTcpServer(() => {}).listen(0);
    const { port } = silent.address() as { port: number };
    await expectDiagnosis(open({ port: await freePort() }), "unreachable", /address/);
    await expectDiagnosis(open({ host: "nosuch.invalid" }), "unreachable", /address/);
    await expectDiagnosis(open({ port }), "unreachable", /address/);
    silent.close();
  });
});

const overHttp = [
  ["rest", (endpoint: { url: string; token: string }) => rest({ ...endpoint, timeout: 1_000 })],
  ["upstash", (endpoint: { url: string; token: string }) => upstash(new UpstashRedis(endpoint), { timeout: 1_000 })],
] as const;

describe.each(overHttp)("a ping over %s", (_, connect) => {
  let site: Server;
  let pages = { status: 200, type: "text/html", body: "<html>s3cret</html>" };
  const token = "token-of-the-ping-tests";
  const url = () => `http://127.0.0.1:${(site.address() as { port: number }).port}`;

  beforeAll(() => {
    site = createHttpServer((_, response) => {
      response.writeHead(pages.status, { "content-type": pages.type }).end(pages.body);
    }).listen(0);
  });
  afterAll(() => void site.close());

  it("finds a wrong token", async () => {
    const client = new Redis6({ host: server.host, port: server.port });
    closing.push(client);
    const gateway = await serveGateway(ioredis(client), { tokens: [token] });
    await expectDiagnosis(connect({ url: gateway.url, token: "s3cret" }), "credentials", /token/);
    expect(await ping(connect({ url: gateway.url, token }))).toMatchObject({ ok: true });
    await gateway.close(0);
  });

  it("finds a token that may only read", async () => {
    const client = new Redis6({
      host: server.host,
      port: server.port,
      username: "web",
      password: "s3cret",
      lazyConnect: true,
    });
    closing.push(client);
    const admin = new Redis6({ host: server.host, port: server.port });
    closing.push(admin);
    await admin.acl("SETUSER", "web", "on", ">s3cret", "~*", "+@all", "-@scripting");
    const gateway = await serveGateway(ioredis(client), { tokens: [token] });
    await expectDiagnosis(connect({ url: gateway.url, token }), "permission", /read-only token/);
    await gateway.close(0);
  });

  it.each([
    ["a page", { status: 200, type: "text/html", body: "<html>s3cret</html>" }],
    ["other JSON", { status: 200, type: "application/json", body: '{"hello":"s3cret"}' }],
    ["a page that is not there", { status: 404, type: "text/html", body: "<html>s3cret</html>" }],
  ])("finds a URL that gives %s", async (_, page) => {
    pages = page;
    await expectDiagnosis(connect({ url: url(), token }), "endpoint", /REST URL/);
  });

  it("finds that nothing is there", async () => {
    await expectDiagnosis(connect({ url: `http://127.0.0.1:${await freePort()}`, token }), "unreachable", /address/);
  });
});
