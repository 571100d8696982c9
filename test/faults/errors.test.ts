import { globSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis as Client } from "ioredis";
import { afterEach, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { serveGateway } from "../../src/cli/serve.ts";
import { userTag } from "../../src/core/crypto.ts";
import { codeOf, isReplyError } from "../../src/core/failure.ts";
import { createCache } from "../../src/core/patterns/cache/index.ts";
import { createLimiter, fixedWindow } from "../../src/core/patterns/limiter/index.ts";
import { createIdempotency } from "../../src/core/patterns/idempotency/index.ts";
import {
  createElection,
  createFenceGuard,
  createLock,
  createManyLocks,
  createQuorumLock,
  createReadWriteLock,
  createSemaphore,
} from "../../src/core/patterns/lock/index.ts";
import { createSessions } from "../../src/core/patterns/session/index.ts";
import { createTokens } from "../../src/core/patterns/token/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { type Cause, mistakes, outages, passing, type Scene } from "../fixtures/outage-causes.ts";
import { serverVersion, startRedis } from "../support/redis-server.ts";
import { startRefusingProxy } from "../support/refusing-proxy.ts";

/** The deadline of each call. */
const timeout = 300;
const minute = 60_000;

/** The four ways of asking. */
const ways = {
  "a cache read": (redis: Redis, prefix: string) =>
    createCache<string>(redis, { prefix, ttl: minute, timeout }).getOrSet("id", () => "loaded"),
  "a limiter's decision": (redis: Redis, prefix: string) =>
    createLimiter(redis, { prefix, algorithm: fixedWindow({ limit: 9, window: minute }), timeout }).limit("id"),
  "a lock that waits": (redis: Redis, prefix: string) =>
    createLock(redis, { prefix, ttl: minute }).acquire("id", { wait: 2 * timeout }),
  "a single write": (redis: Redis, prefix: string) =>
    createTokens(redis, { prefix, ttl: minute }).issue({ user: "id", purpose: "test" }),
};

type Way = (redis: Redis, prefix: string) => Promise<unknown>;

/** One call of every other pattern. */
const others = {
  session: (redis: Redis, prefix: string) =>
    createSessions(redis, { prefix, idle: minute, absolute: minute }).create({ user: "u", data: {} }),
  idempotency: (redis: Redis, prefix: string) => createIdempotency(redis, { prefix, ttl: minute })("id", () => 1),
  "one-time code": (redis: Redis, prefix: string) =>
    createTokens(redis, { prefix, ttl: minute, pepper: "a pepper of at least 32 characters" }).issueCode({
      user: "u",
      purpose: "p",
    }),
  semaphore: (redis: Redis, prefix: string) => createSemaphore(redis, { prefix, ttl: minute, limit: 1 }).acquire("id"),
  "read-write lock": (redis: Redis, prefix: string) =>
    createReadWriteLock(redis, { prefix, ttl: minute }).read.acquire("id"),
  "many locks": (redis: Redis, prefix: string) =>
    createManyLocks(redis, { prefix, ttl: minute }).acquireAll(["a", "b"]),
  "quorum lock": (redis: Redis, prefix: string) =>
    createQuorumLock([redis], { prefix, ttl: minute, nodeTimeout: timeout }).acquire("id"),
  election: (redis: Redis, prefix: string) =>
    createElection(redis, { prefix, name: "e", ttl: minute }).campaign(() => {}),
  "fence guard": (redis: Redis, prefix: string) => createFenceGuard(redis, { prefix, ttl: minute }).set("id", "1", "v"),
};

/** What each way answers without a cause. */
const healthy = [
  "loaded",
  expect.objectContaining({ allowed: true, degraded: false }),
  expect.objectContaining({ name: "id" }),
  expect.objectContaining({ token: expect.any(String) }),
];

/** The code of an error; where the last attempt had too little time left, that of the refusal before it. */
function codeSeen(error: Error): string {
  return codeOf(isReplyError(error.cause) ? error.cause : error);
}

async function keysOf(prefix: string): Promise<readonly string[]> {
  return [
    `cache:${prefix}:{id}`,
    `limiter:${prefix}:{id}:fixed2`,
    `lock:${prefix}:{id}`,
    `token:${prefix}:{${await userTag(prefix, "id")}}:u1`,
  ];
}

type Login = NonNullable<Cause["login"]>;
type Address = { readonly host: string; readonly port: number };
type Connect = (at: Address, login: Login, closing: (() => unknown)[]) => Promise<Redis>;

const connectTcp: Connect = async (at, login, closing) => {
  const client = new Client({ ...at, ...login, maxRetriesPerRequest: null });
  client.on("error", () => {});
  closing.push(() => client.disconnect());
  return ioredis(client, { timeout });
};

const connectHttp: Connect = async (at, login, closing) => {
  const gateway = await serveGateway(await connectTcp(at, login, closing), { tokens: ["t"] });
  closing.push(() => gateway.close(0));
  return rest({ url: gateway.url, token: "t", timeout: 2 * timeout });
};

const rows = [
  ["TCP", connectTcp],
  ["HTTP", connectHttp],
] as const;

const isKnown = ({ since = 0 }: Cause) => since <= serverVersion;

describe("docs/errors.md", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const rowsOf = (title: string) =>
    (page.split(`## ${title}\n`)[1] ?? "")
      .split("\n## ")[0]
      ?.match(/^\|.*$/gm)
      ?.slice(2)
      .map((row) => row.split("|").map((cell) => cell.trim().replaceAll("`", "")));

  it("names each cause, its kind and its code as the tests below find them", () => {
    const told = rowsOf("What Redis says")?.map(([, name, kind, code]) => `${name}: ${kind}, ${code}`);
    const found = [...outages, ...passing, ...mistakes].map(
      ({ name, failure, code }) => `${name}: ${failure}, ${code.replace("|", " or ")}`,
    );
    expect(told?.toSorted()).toEqual(found.toSorted());
  });

  it("names each class of errors, with its code", () => {
    const sources = globSync("src/core/{errors.ts,patterns/*/errors.ts}").map((file) => readFileSync(file, "utf8"));
    const classes = sources.flatMap((text) => text.match(/(?<=export class )\w+/g) ?? []);
    const codes = sources.flatMap((text) => text.match(/(?<=super\(\s*"|code: ")[A-Z_]+(?=")/g) ?? []);
    const told = rowsOf("The errors of this package");
    expect([...new Set(told?.map(([, name = ""]) => name))].toSorted()).toEqual(classes.toSorted());
    expect(told?.map(([, , code]) => code)).toEqual(expect.arrayContaining(codes));
  });
});

describe.each(rows)("over %s", (_, connect) => {
  const closing: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  /** Asks in these ways while the cause is there, and ends it after a while if it is to pass. */
  async function ask(
    cause: Cause,
    passes = false,
    asked: readonly Way[] = Object.values(ways),
  ): Promise<PromiseSettledResult<unknown>[]> {
    const server = await startRedis("--dbfilename", "blocked");
    const proxy = await startRefusingProxy(server);
    const admin = new Client({ host: server.host, port: server.port, maxRetriesPerRequest: null });
    admin.on("error", () => {});
    closing.push(server.stop, () => admin.disconnect(), proxy.stop);
    const scene: Scene = { server, proxy, admin, keys: await keysOf("p") };
    const redis = await connect(proxy, {}, closing);
    // Nothing is measured that only a first call needs.
    await Promise.all(asked.map((way) => way(redis, "warm")));
    await cause.begin(scene);
    const port = cause.login ? await connect(proxy, cause.login, closing) : redis;
    const outcomes = Promise.allSettled(asked.map((way) => way(port, "p")));
    if (passes) await sleep(50);
    if (passes) await cause.end(scene);
    return outcomes;
  }

  const rejected = (cause: Cause) => ({
    status: "rejected",
    reason: expect.toSatisfy((error) => new RegExp(`^(${cause.code})$`).test(codeSeen(error))),
  });
  const fulfilled = (value: unknown) => ({ status: "fulfilled", value });

  it.each([...outages, ...passing].filter(isKnown))("$name that lasts", async (cause) => {
    expect(await ask(cause)).toEqual([
      fulfilled("loaded"),
      fulfilled(expect.objectContaining({ allowed: true, degraded: true })),
      rejected(cause),
      rejected(cause),
    ]);
  });

  it.each(passing)("$name that passes within the deadline", async (cause) => {
    expect(await ask(cause, true)).toEqual(healthy.map(fulfilled));
  });

  it.each(outages.filter(isKnown))("$name that ends: a lock that names a wait is granted then", async (cause) => {
    const wait: Way = (redis, prefix) => createLock(redis, { prefix, ttl: minute }).acquire("id", { wait: 20_000 });
    expect(await ask(cause, true, [wait])).toEqual([fulfilled(expect.objectContaining({ name: "id" }))]);
  });

  it.each(Object.keys(others))("%s: what passes is asked again, and a mistake throws", async (name) => {
    const use = others[name as keyof typeof others];
    const server = await startRedis();
    const proxy = await startRefusingProxy(server);
    closing.push(server.stop, proxy.stop);
    const redis = await connect(proxy, {}, closing);
    await redis.send(["PING"]);
    proxy.answer("-LOADING Redis is loading the dataset in memory");
    const patient = use(redis, "p");
    await sleep(50);
    proxy.answer();
    await expect(patient).resolves.not.toThrow();
    proxy.answer("-NOPERM this user has no permissions to run the 'evalsha' command");
    await expect(use(redis, "q")).rejects.toMatchObject({ code: "NOPERM", message: expect.stringContaining("acl.md") });
  });

  it.each(mistakes)("$name", async (cause) => {
    expect(await ask(cause)).toEqual(Object.keys(ways).map(() => rejected(cause)));
  });
});
