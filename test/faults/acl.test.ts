import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/subscriber.ts";
import { createCache, type Wake } from "../../src/core/patterns/cache/index.ts";
import { createLock, wakeBySubscriber } from "../../src/core/patterns/lock/index.ts";
import { type ChannelNames, createChannels, matching, resumable } from "../../src/core/patterns/pubsub/index.ts";
import { bare, owners } from "../fixtures/key-owners.ts";
import { aclPage, createUser, type DocumentedUser, lineOf, type Role, versionOf, versions } from "../support/acl.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let server: RedisServer;
let admin: Redis;
const open: Redis[] = [];
beforeAll(async () => {
  server = await startRedis();
  admin = new Redis({ host: server.host, port: server.port });
});
afterAll(async () => {
  for (const client of [admin, ...open]) client.disconnect();
  await server.stop();
});

let users = 0;

/** A connection of a new user, who has a prefix of its own. */
async function connect(role: Role, also: readonly string[] = [], more: Partial<DocumentedUser> = {}) {
  users += 1;
  const prefix = `app${users}`;
  const login = await createUser(ioredis(admin), role, { prefix, also, ...more });
  const client = new Redis({ host: server.host, port: server.port, ...login });
  client.on("error", () => {});
  open.push(client);
  return { client, redis: ioredis(client), prefix };
}

/** The commands and keys that Redis has refused to users whose name begins so. */
async function refusals(role: Role): Promise<string[]> {
  const log = (await admin.call("ACL", "LOG", 128)) as unknown[][];
  const facts = log.map(
    (entry) =>
      new Map(Array.from({ length: entry.length / 2 }, (_, i) => entry.slice(2 * i, 2 * i + 2) as [string, string])),
  );
  // ioredis tells its name to whoever wants to hear it.
  const ours = facts.filter(
    (fact) => String(fact.get("username")).startsWith(role) && !String(fact.get("object")).startsWith("client"),
  );
  return ours.map((fact) => `${fact.get("reason")} ${fact.get("object")}`);
}

describe("the lines of docs/acl.md", () => {
  it("are there for each role and each form, and say in each what that version understands", () => {
    expect(versions).toEqual([7, 6.2, 6]);
    for (const role of ["app", "listener", "gateway"] as const) {
      const [of7, of62, of60] = [lineOf(role, 8), lineOf(role, 6.2), lineOf(role, 6)];
      expect(of62.map((rule) => rule.replace(/^~/, "%RW~"))).toEqual(of7);
      expect(of62.filter((rule) => !/channels$|^&/.test(rule))).toEqual(of60);
      expect(lineOf(role, 7.4)).toEqual(of7);
    }
    expect(() => lineOf("app", 5)).toThrow(/no line/);
  });

  it("name the word of every pattern for those who want no other program's keys", () => {
    // The lists of `createRecent` have bare names, and what remembers their changes begins with a word.
    const words = new Set([...owners.map(([, word]) => word), "recent"]);
    const named = /The words are ([^\n]+(?:\n[^\n]+)*?):\n/.exec(aclPage)?.[1] ?? "";
    expect([...named.matchAll(/`([a-z-]+)`/g)].map(([, word]) => word)).toEqual([...words].sort());
  });
});

/** Without a right to channels all works but what is announced and not kept: the last that `channels` does. */
async function expectServed(name: string, used: Promise<unknown>, mayPublish: boolean): Promise<void> {
  if (mayPublish || name !== "channels") await expect(used).resolves.not.toThrow();
  else await expect(used).rejects.toMatchObject({ code: "NOPERM", message: expect.stringContaining("acl.md") });
}

describe.each(versions)("the line for Redis %s", (version) => {
  const isKnown = async () => (await versionOf(ioredis(admin))) >= version;

  it.each(owners)("is enough for every pattern: %s", async (name, _, use) => {
    if (!(await isKnown())) return;
    const { redis, prefix } = await connect("app", [], { version });
    const used = use(redis, `${prefix}:${name.replaceAll(" ", "-")}`, "7");
    await expectServed(name, used, version >= 6.2 || (await versionOf(ioredis(admin))) < 6.2);
    // The form of Redis 6.0 names no channel, and later versions then grant none.
    const refused = await refusals("app");
    expect(version < 6.2 ? refused.filter((one) => !one.startsWith("channel ")) : refused).toEqual([]);
  });

  it("refuses the keys of others, and what can harm the server", async () => {
    if (!(await isKnown())) return;
    for (const role of ["app", "gateway", "listener"] as const) {
      const { client, prefix } = await connect(role, [], { version });
      const refused = [
        ["FLUSHALL"],
        ["KEYS", "*"],
        ["CONFIG", "GET", "*"],
        ["MIGRATE", "h", "1", `cache:${prefix}`, "0", "1"],
        ["GET", "cache:other:{7}"],
      ];
      for (const [name = "", ...args] of refused) await expect(client.call(name, ...args)).rejects.toThrow(/NOPERM/);
      await expect(client.eval("return redis.call('GET', KEYS[1])", 1, "cache:other:{7}")).rejects.toThrow(/NOPERM/);
    }
    await admin.call("ACL", "LOG", "RESET");
  });
});

describe("a Redis user", () => {
  it.each(bare)("who may use bare keys is served by what other programs read: %s", async (_, use) => {
    const { redis, prefix } = await connect("app", ["~app:*", "~7", "~{7}:*"]);
    await expect(use(redis, prefix, "7")).resolves.not.toThrow();
  });

  it("who may use one pattern alone is refused the others", async () => {
    const { redis, prefix } = await connect("app", [
      "resetkeys",
      "~lock:app*",
      "resetchannels",
      ...(await channel("lock")),
    ]);
    await expect(createLock(redis, { prefix, ttl: 5_000 }).run("7", () => "done")).resolves.toBe("done");
    await expect(createCache<string>(redis, { prefix, ttl: 5_000 }).set("7", "v")).rejects.toThrow(/NOPERM/);
    await admin.call("ACL", "LOG", "RESET");
  });

  it.each(["%R~", "%W~"])("who has %s alone may not run the scripts", async (permission) => {
    if ((await versionOf(ioredis(admin))) < 7) return;
    const { redis, prefix } = await connect("app", ["resetkeys", `${permission}*:app*`]);
    await expect(createLock(redis, { prefix, ttl: 5_000 }).tryAcquire("7")).rejects.toThrow(/NOPERM/);
    await admin.call("ACL", "LOG", "RESET");
  });

  it("who listens hears of a release, and reads and writes nothing", async () => {
    const { client, prefix } = await connect("listener");
    const { redis } = await connect("app", [], { prefix });
    const wake = wakeBySubscriber(ioredisSubscriber(client));
    const locks = createLock(redis, { prefix, ttl: 60_000, wait: 30_000, wake });
    const lease = await locks.acquire("7");
    const waiting = locks.acquire("7");
    await expect.poll(() => redis.send(["EXISTS", `lock:${prefix}:{7}:wanted`])).toBe(1);
    expect(await lease.release()).toBe(true);
    // Without the message the waiter would ask again after seconds only.
    expect(await (await waiting).release()).toBe(true);
    expect(await refusals("listener")).toEqual([]);
    const other = client.duplicate();
    open.push(other);
    await expect(other.get(`cache:${prefix}:{7}`)).rejects.toThrow(/NOPERM/);
    await admin.call("ACL", "LOG", "RESET");
  });

  it("who listens hears channels by their names, and by a pattern that is word for word among its own", async () => {
    if ((await versionOf(ioredis(admin))) < 6.2) return;
    const { redis, prefix } = await connect("app");
    const { client } = await connect("listener", [], { prefix });
    const subscriber = ioredisSubscriber(client);
    const channels = createChannels<string>(redis, { prefix, subscriber, delivery: resumable() });
    const heard: string[] = [];
    const listen = (names: ChannelNames) => channels.subscribe(names, ({ data }) => heard.push(data));
    await listen("user:7");
    await expect(listen(matching("user:*"))).rejects.toMatchObject({ code: "NOPERM" });
    await admin.call("ACL", "SETUSER", `listener-${prefix}`, `&channel:${prefix}:{user:*}`);
    await listen(matching("user:*"));
    await channels.publish("user:7", "hello");
    await expect.poll(() => heard).toEqual(["hello", "hello"]);
    await admin.call("ACL", "LOG", "RESET");
  });

  async function channel(word: string): Promise<string[]> {
    return (await versionOf(ioredis(admin))) < 6.2 ? [] : [`&${word}:app*`];
  }
});

describe("a Redis user without channels", () => {
  it.each(owners)("is served by every pattern: %s", async (name, _, use) => {
    const { redis, prefix } = await connect("app", ["resetchannels"]);
    const used = use(redis, `${prefix}:${name.replaceAll(" ", "-")}`, "7");
    await expectServed(name, used, (await versionOf(ioredis(admin))) < 6.2);
  });

  it("ends a lease and a load although nobody may be told [redis #12418]", async () => {
    const { client, redis, prefix } = await connect("app", ["resetchannels"]);
    // Redis 6.0 lets whoever may publish do so everywhere.
    const hasChannelRights = (await versionOf(ioredis(admin))) >= 6.2;
    if (hasChannelRights) await expect(client.publish(`lock:${prefix}:{7}:wanted`, "")).rejects.toThrow(/NOPERM/);
    const wake: Wake = {
      listen: () => ({ wait: (pause) => new Promise((end) => setTimeout(end, pause)), leave() {} }),
    };
    const locks = createLock(redis, { prefix, ttl: 5_000, wait: 5_000, wake });
    const lease = await locks.acquire("7");
    const waiting = locks.acquire("7");
    await expect.poll(() => client.exists(`lock:${prefix}:{7}:wanted`), { timeout: 10_000 }).toBe(1);
    expect(await lease.release()).toBe(true);
    expect(await (await waiting).release()).toBe(true);
    const cache = createCache<string>(redis, { prefix, ttl: 5_000, wake });
    expect(await cache.getOrSet("7", () => "loaded")).toBe("loaded");
    expect(await cache.get("7")).toBe("loaded");
  });
});
