// A Redis user that may use the keys of locks and no channel: news of a release is refused, the release is not.
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { createElection, wakeBySubscriber } from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { kinds } from "../fixtures/lock-kinds.ts";
import { createUser, type Login, type Role } from "../support/acl.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let server: RedisServer;
let admin: Client;
const logins = new Map<Role, Login>();
const open: Client[] = [];

function connect(role: Role): Client {
  const client = new Client({ host: server.host, port: server.port, ...logins.get(role) });
  client.on("error", () => {});
  open.push(client);
  return client;
}

beforeAll(async () => {
  server = await startRedis();
  admin = new Client({ host: server.host, port: server.port });
  const user = { prefix: "shop", also: ["resetchannels"] };
  for (const role of ["app", "gateway"] as const) logins.set(role, await createUser(ioredis(admin), role, user));
});
afterAll(async () => {
  for (const client of open) client.disconnect();
  admin.disconnect();
  await server.stop();
});

const ttl = 30_000;
const users: Record<string, () => Promise<{ redis: Redis; close(): unknown }>> = {
  "over TCP": async () => ({ redis: ioredis(connect("app")), close: () => {} }),
  "over HTTP, by the user of a gateway": async () => {
    const gateway = await serveGateway(ioredis(connect("gateway")), { tokens: ["the-token-of-the-user"] });
    return { redis: rest({ url: gateway.url, token: "the-token-of-the-user" }), close: () => gateway.close(0) };
  },
};

describe.each(Object.entries(users))("a user without channels %s", (_, use) => {
  it.each(Object.entries(kinds))("claims, extends, hands off and releases: %s", async (_, make) => {
    const { redis, close } = await use();
    const kind = make(redis, { ttl, prefix: "shop", wait: 10_000 });
    const lease = await kind.acquire();
    await lease.extend();
    const text = lease.serialize?.();
    const held = text && kind.resume ? await kind.resume(text) : lease;
    // Somebody waits, so the release has something to tell.
    const waiting = kind.acquire();
    await sleep(100);
    expect(await held.release()).toBe(true);
    expect(await (await waiting).release()).toBe(true);
    const free = await kind.rival.tryAcquire();
    expect(await free?.release()).toBe(true);
    await close();
  });

  it("was refused no command and no key", async () => {
    const log = JSON.stringify(await admin.call("ACL", "LOG"));
    expect(log).not.toMatch(/"(command|key)","object"/);
    await admin.call("ACL", "LOG", "RESET");
  });
});

it.each(Object.entries(kinds).filter(([kind]) => !/many|quorum/.test(kind)))(
  "who would listen asks again and again instead, since it may not subscribe: %s",
  async (_, make) => {
    const wake = wakeBySubscriber(ioredisSubscriber(connect("app")));
    const kind = make(ioredis(connect("app")), { ttl, prefix: "shop", wait: 20_000, wake });
    const holder = await kind.rival.tryAcquire();
    const waiting = kind.acquire();
    await sleep(100);
    const start = performance.now();
    expect(await holder?.release()).toBe(true);
    expect(await (await waiting).release()).toBe(true);
    expect(performance.now() - start).toBeLessThan(10_000);
  },
);

it("leads and resigns", async () => {
  const election = createElection(ioredis(connect("app")), { prefix: "shop", name: "boss", ttl });
  const other = createElection(ioredis(connect("app")), { prefix: "shop", name: "boss", ttl });
  const terms: string[] = [];
  const second = new Promise<void>((resolve, reject) => {
    void election
      .campaign(async ({ term }) => {
        terms.push(term);
        other.campaign(({ term }) => void terms.push(term)).then(resolve, reject);
        await sleep(100);
      })
      .catch(reject);
  });
  await second;
  expect(terms).toHaveLength(2);
});
