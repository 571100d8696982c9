// What a ping says of servers and users that answer, but not with what the patterns need.
import { Cluster, Redis as Client } from "ioredis";
import { Redis as Client5 } from "ioredis-5";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { ReplyError } from "../../src/core/errors.ts";
import { createLock } from "../../src/core/patterns/lock/index.ts";
import type { PingReason } from "../../src/core/port/diagnosis.ts";
import { observe } from "../../src/core/port/observe.ts";
import { ping, type PingOptions } from "../../src/core/port/ping.ts";
import type { Command, Redis } from "../../src/core/port/redis.ts";
import { startCluster } from "../support/cluster.ts";
import { createUser, versionOf } from "../support/acl.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let server: RedisServer;
let admin: Client;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  server = await startRedis();
  admin = new Client({ host: server.host, port: server.port });
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

function connect(options: object = {}, at: RedisServer = server): Client {
  const client = new Client({ host: at.host, port: at.port, retryStrategy: () => 50, ...options });
  client.on("error", () => {});
  closing.push(() => client.disconnect());
  return client;
}

const overTcp = (login: object) => ioredis(connect(login));
const ways = {
  "over TCP": async (login: object) => overTcp(login),
  "over HTTP": async (login: object) => {
    const gateway = await serveGateway(overTcp(login), { tokens: ["the-token-of-the-ping-tests"] });
    closing.push(() => gateway.close(0));
    return rest({ url: gateway.url, token: "the-token-of-the-ping-tests" });
  },
};

async function expectDiagnosis(redis: Redis, reason: PingReason, remedy: RegExp, options: PingOptions = {}) {
  const found = await ping(redis, { prefix: "shop", ...options });
  expect(found).toMatchObject({ ok: false, reason, remedy: expect.stringMatching(remedy) });
  // One sentence without its full stop, as in the messages of errors.
  expect(found).toMatchObject({ remedy: expect.stringMatching(/^[A-Z][^.]+(\([^)]*\)[^.]*)?$/) });
}

describe.each(Object.entries(ways))("a ping %s", (_, open) => {
  const user = async (...also: string[]) => open(await createUser(ioredis(admin), "app", { prefix: "shop", also }));

  it("is content with the documented user", async () => {
    expect(await ping(await user(), { prefix: "shop" })).toMatchObject({ ok: true });
  });

  it.each(["eval", "evalsha", "set", "get", "del", "time"])("finds that the user may not run %s", async (command) => {
    await expectDiagnosis(await user(`-${command}`), "permission", /run EVAL, EVALSHA/);
  });

  it("finds that the user may use other keys only", async () => {
    await expectDiagnosis(await user("resetkeys", "~*:other*"), "permission", /keys of this prefix.*\{ prefix \}/);
    await expectDiagnosis(await user(), "permission", /keys of this prefix/, { prefix: "redis-patterns" });
  });

  it.each(["%R~", "%W~"])("finds that the user has no more than %s", async (permission) => {
    if ((await versionOf(ioredis(admin))) < 7) return;
    await expectDiagnosis(await user("resetkeys", `${permission}*:shop*`), "permission", /read and write/);
  });

  it.each(["resetchannels", "-publish"])("finds that nobody would be told: %s", async (rule) => {
    await expectDiagnosis(await user(rule), "channels", /PUBLISH.*channels: false/);
    expect(await ping(await user(rule), { prefix: "shop", channels: false })).toMatchObject({ ok: true });
  });

  it.each<[string, PingReason, RegExp, string, string | number, string | number]>([
    ["no memory is left", "memory", /maxmemory/, "maxmemory", 1, 0],
    ["too few replicas are there", "unavailable", /replicas/, "min-replicas-to-write", 1, 0],
  ])("finds that %s", async (_, reason, remedy, name, broken, whole) => {
    await admin.config("SET", name, broken);
    closing.push(() => admin.config("SET", name, whole));
    await expectDiagnosis(await open({}), reason, remedy);
  });

  it("finds a script that does not end", async () => {
    const redis = await open({});
    await redis.send(["PING"]);
    await admin.config("SET", "lua-time-limit", 10);
    const endless = connect().eval("while true do end", 0);
    await expect.poll(() => admin.ping().catch((error: Error) => error.message)).toMatch(/^BUSY/);
    await expectDiagnosis(redis, "unavailable", /SCRIPT KILL/);
    await admin.script("KILL");
    await expect(endless).rejects.toThrow(/killed|user/i);
  });
});

it("a ping finds that the server could not save its data", async () => {
  // Nobody can write there, root neither.
  const own = await startRedis("--dir", "/proc");
  closing.push(() => own.stop());
  const client = connect({}, own);
  await client.config("SET", "save", "3600 1");
  await client.set("a", "b");
  await client.bgsave();
  await expect.poll(() => client.info("persistence")).toContain("rdb_last_bgsave_status:err");
  await expectDiagnosis(ioredis(client), "unavailable", /disk/);
});

describe("a ping of a client that was closed", () => {
  it.each([
    ["ioredis 5, quit", () => new Client5({ host: server.host, port: server.port }), "quit"],
    ["ioredis 6, quit", () => new Client({ host: server.host, port: server.port }), "quit"],
    ["ioredis 5, disconnect", () => new Client5({ host: server.host, port: server.port }), "disconnect"],
    ["ioredis 6, disconnect", () => new Client({ host: server.host, port: server.port }), "disconnect"],
  ] as const)("says so and not a word of TLS: %s", async (_, create, end) => {
    const client = create();
    const redis = ioredis(client);
    await redis.send(["PING"]);
    await client[end]();
    await expect.poll(() => client.status).toBe("end");
    await expectDiagnosis(redis, "closed", /quit\(\).*new one/);
  });

  it("says so of a Cluster too", async () => {
    const nodes = await startCluster();
    closing.push(() => nodes.stop());
    const cluster = new Cluster([...nodes.nodes]);
    const redis = ioredis(cluster);
    expect(await ping(redis)).toMatchObject({ ok: true });
    await cluster.quit();
    await expect.poll(() => cluster.status).toBe("end");
    await expectDiagnosis(redis, "closed", /quit\(\)/);
  });
});

describe("a ping where something stands in between", () => {
  /** Answers some commands by an error, as a proxy or another version of Redis would. */
  const answering = (redis: Redis, refuse: (command: Command) => string | undefined): Redis => ({
    ...redis,
    async send(command, options) {
      const refusal = refuse(command);
      if (refusal) throw new ReplyError(refusal);
      return redis.send(command, options);
    },
    async pipeline(commands, options) {
      const replies = await redis.pipeline(commands, options);
      return replies.map((reply, i) => {
        const refusal = refuse(commands[i] ?? ["PING"]);
        return refusal ? new ReplyError(refusal) : reply;
      });
    },
  });
  const counted = (redis: Redis) => {
    const trips: string[] = [];
    return { redis: observe(redis, ({ commands }) => trips.push(commands[0] ?? "")), trips };
  };

  it.each(["EVAL", "EVALSHA"])("that does not know %s, finds it", async (name) => {
    const front = answering(overTcp({}), ([command]) =>
      command === name ? `ERR unknown command '${name}'` : undefined,
    );
    await expectDiagnosis(front, "commands", /EVAL or EVALSHA/);
  });

  it("that keeps no script, goes on as the patterns do", async () => {
    const { redis, trips } = counted(
      answering(overTcp({}), ([name]) => (name === "EVALSHA" ? "NOSCRIPT No script" : undefined)),
    );
    expect(await ping(redis)).toMatchObject({ ok: true });
    expect(trips).toEqual(["EVAL", "EVALSHA", "EVAL"]);
  });

  it.each([
    ["the flag", () => undefined],
    [
      "a header at all",
      ([name, script]: Command) =>
        name === "EVAL" && String(script).startsWith("#!")
          ? "ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'"
          : undefined,
    ],
  ])("that does not know %s, goes on without it, as the patterns do", async (_, refuse) => {
    const front = { ...answering(overTcp({}), refuse), scriptHeader: "#!lua flags=allow-key-locking" };
    const { redis, trips } = counted(front);
    expect(await ping(redis)).toMatchObject({ ok: true });
    expect(trips).toEqual(["EVAL", "EVAL", "EVALSHA"]);
    expect(await createLock(front, { prefix: "shop", ttl: 5_000 }).run("7", () => "done")).toBe("done");
  });

  it.each<[string, PingReason, RegExp]>([
    ["-READONLY You can't write against a read only replica.", "replica", /master/],
    ["-OOM command not allowed when used memory > 'maxmemory'.", "memory", /maxmemory/],
    ["-MISCONF Redis is configured to save RDB snapshots, but it's unable to persist to disk.", "unavailable", /disk/],
    ["-NOREPLICAS Not enough good replicas to write.", "unavailable", /replicas/],
    ["The user executing the script can't run this command or subcommand", "permission", /EVALSHA/],
    [
      "The user executing the script can't access at least one of the keys mentioned in the command",
      "permission",
      /keys/,
    ],
  ])("that wraps the error of a script as Redis 6 does, finds what is in it: %s", async (inner, reason, remedy) => {
    const wrapped = `ERR Error running script (call to f_8e3b): @user_script:2: @user_script: 2: ${inner}`;
    const front = answering(overTcp({}), ([name]) => (name === "EVAL" ? wrapped : undefined));
    await expectDiagnosis(front, reason, remedy);
  });
});
