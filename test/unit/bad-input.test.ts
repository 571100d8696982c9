import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ioredis, ioredisSubscriber } from "../../src/adapters/ioredis/index.ts";
import { rest, restFromEnv, restSubscriber } from "../../src/adapters/rest/index.ts";
import { upstash } from "../../src/adapters/upstash/index.ts";
import { createCache } from "../../src/core/patterns/cache/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import { createLimiter, fixedWindow, slidingWindow, tokenBucket } from "../../src/core/patterns/limiter/index.ts";
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
import { createTokens } from "../../src/core/patterns/token/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { createSessions } from "../../src/core/patterns/session/index.ts";
import { createGateway } from "../../src/gateway/index.ts";

/** What a program in JavaScript may pass, whatever the types say. */
type Wrong = never;

const sent: unknown[] = [];
const redis: Redis = {
  send: (command) => Promise.reject(new Error(`sent ${sent.push(command)}`)),
  pipeline: (commands) => Promise.reject(new Error(`sent ${sent.push(commands)}`)),
};
const window = 1_000;
const ttl = 1_000;
const algorithm = fixedWindow({ limit: 1, window });
const life = { prefix: "s", idle: 1_000, absolute: 2_000 };
const badDurations = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "10" as Wrong];
const badCounts = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1.5, "10" as Wrong];
const badIds = ["", undefined as Wrong, null as Wrong, 7 as Wrong, {} as Wrong, "x".repeat(10_241)];
const url = "https://name.upstash.io";

function expectThrow(option: string, wrong: () => unknown): void {
  expect(wrong).toThrow(OptionError);
  expect(wrong).toThrow(new RegExp(`\`${option}\``));
}

async function expectRejection(option: string, wrong: () => Promise<unknown>): Promise<void> {
  const error: unknown = await wrong().then(
    () => "resolved",
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OptionError);
  expect(String(error)).toContain(`\`${option}\``);
}

function expectNothingSent(): void {
  expect(sent).toEqual([]);
}

describe("bad input is an OptionError that names the option, and nothing is sent", () => {
  beforeEach(() => void (sent.length = 0));
  afterEach(expectNothingSent);

  it.each([
    ["missing", undefined as Wrong],
    ["empty", ""],
    ["no URL", "name.upstash.io"],
    ["of the other protocol", "rediss://name.upstash.io:6379"],
    ["no string", 5 as Wrong],
  ])("rest: a url that is %s", (_, wrong) => {
    expectThrow("url", () => rest({ url: wrong, token: "secret-token" }));
    expect(() => rest({ url: wrong, token: "secret-token" })).not.toThrow(/secret-token/);
  });

  it("rest: a missing or malformed token, deadline or environment", () => {
    for (const token of ["", undefined as Wrong, "two words", "line\nbreak"])
      expectThrow("token", () => rest({ url, token }));
    for (const timeout of badDurations) expectThrow("timeout", () => rest({ url, token: "t", timeout }));
    expect(() => restFromEnv({})).toThrow(/UPSTASH_REDIS_REST_URL/);
  });

  it("restSubscriber: what it can never work with", async () => {
    const give = (wrong: object) => () => restSubscriber({ url, token: "secret-token", ...wrong });
    expectThrow("url", give({ url: "redis://localhost" }));
    expectThrow("url", () => restSubscriber(undefined as Wrong));
    expectThrow("token", give({ token: "two words" }));
    for (const wrong of badDurations) expectThrow("timeout", give({ timeout: wrong }));
    for (const wrong of badDurations) expectThrow("maxAge", give({ maxAge: wrong }));
    for (const wrong of badCounts) expectThrow("maxBytes", give({ maxBytes: wrong }));
    for (const wrong of badCounts) expectThrow("maxRequests", give({ maxRequests: wrong }));
    expectThrow("batch", give({ batch: 1 }));
    expectThrow("onEvent", give({ onEvent: "log" }));
    const fetch = () => Promise.reject(new Error(`sent ${sent.push("a request")}`));
    const subscriber = restSubscriber({ url, token: "secret-token", fetch });
    for (const name of [".", "..", "", undefined as Wrong]) {
      await expectRejection("channel", () => subscriber.subscribe(name, () => {}));
      await expectRejection("pattern", () => subscriber.psubscribe(name, () => {}));
    }
    await expectRejection("listener", () => subscriber.subscribe("a", "no function" as Wrong));
  });

  it.each([
    ["nothing", undefined as Wrong],
    ["a URL", "redis://localhost" as Wrong],
    ["an empty object", {} as Wrong],
    ["an adapter", redis as Wrong],
  ])("the adapters of a client: %s", (_, client) => {
    expectThrow("client", () => ioredis(client));
    expectThrow("client", () => upstash(client));
    expectThrow("client", () => ioredisSubscriber(client));
  });

  it.each([
    ["nothing", undefined as Wrong],
    ["a bare client", { get() {}, set() {} } as Wrong],
  ])("every factory: %s for a port", (_, wrong) => {
    expectThrow("redis", () => createCache(wrong, { prefix: "c", ttl }));
    expectThrow("redis", () => createLimiter(wrong, { prefix: "l", algorithm }));
    expectThrow("redis", () => createLock(wrong, { prefix: "l", ttl }));
    expectThrow("redis", () => createSessions(wrong, life));
    expectThrow("redis", () => createGateway(wrong, { tokens: ["a-long-enough-token"] }));
  });

  it("every factory: a prefix that would move the hash tag", () => {
    expectThrow("prefix", () => createCache(redis, { prefix: "a{b}", ttl }));
    expectThrow("prefix", () => createLimiter(redis, { prefix: "a{b}", algorithm }));
    expectThrow("prefix", () => createLock(redis, { prefix: "a{b}", ttl }));
    expectThrow("prefix", () => createSessions(redis, { ...life, prefix: "a{b}" }));
    expectThrow("prefix", () => createCache(redis, { prefix: "", ttl }));
  });

  it.each(badDurations)("a duration of %s", (wrong) => {
    expectThrow("ttl", () => createCache(redis, { prefix: "c", ttl: wrong }));
    expectThrow("ttl", () => createLock(redis, { prefix: "l", ttl: wrong }));
    expectThrow("window", () => fixedWindow({ limit: 1, window: wrong }));
    expectThrow("window", () => slidingWindow({ limit: 1, window: wrong }));
    expectThrow("idle", () => createSessions(redis, { ...life, idle: wrong }));
    expectThrow("absolute", () => createSessions(redis, { ...life, absolute: wrong }));
  });

  it.each(badCounts)("a limit of %s", (wrong) => {
    expectThrow("limit", () => fixedWindow({ limit: wrong, window }));
    expectThrow("limit", () => slidingWindow({ limit: wrong, window }));
    expectThrow("limit", () => tokenBucket({ limit: wrong, window }));
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("a cost of %s", async (cost) => {
    await expectRejection("cost", () => createLimiter(redis, { prefix: "l", algorithm }).limit("id", { cost }));
  });

  it.each(badIds)("an id such as %.12s", async (id) => {
    const cache = createCache(redis, { prefix: "c", ttl });
    await expectRejection("id", () => cache.get(id));
    await expectRejection("id", () => cache.set(id, 1));
    await expectRejection("id", () => cache.delete(id));
    await expectRejection("id", () => cache.getMany(["fine", id]));
    await expectRejection("id", () => cache.getOrSet(id, () => 1));
    await expectRejection("id", () => createLimiter(redis, { prefix: "l", algorithm }).limit(id));
    await expectRejection("id", () => createLock(redis, { prefix: "l", ttl }).tryAcquire(id));
    await expectRejection("id", () => createLock(redis, { prefix: "l", ttl }).acquire(id, { wait: 10 }));
  });

  it.each([undefined as Wrong, null as Wrong, "10 s" as Wrong])("options that are no object: %s", (options) => {
    const factories: ((redis: Redis, options: Wrong) => unknown)[] = [
      createCache,
      createLimiter,
      createLock,
      createSessions,
    ];
    factories.push(createSemaphore, createReadWriteLock, createManyLocks, createElection, createFenceGuard);
    factories.push(createIdempotency, createTokens, createGateway);
    for (const create of factories) {
      expectThrow("options", () => create(redis, options));
    }
    expectThrow("options", () => createQuorumLock([redis], options));
  });

  it("a loader or a body that is no function", async () => {
    await expectRejection("load", () => createCache(redis, { prefix: "c", ttl }).getOrSet("id", 5 as Wrong));
    await expectRejection("work", () => createLock(redis, { prefix: "l", ttl }).run("name", 5 as Wrong));
  });

  it.each([5 as Wrong, null as Wrong, "u" as Wrong])(
    "options of a limiter's call that are no object: %s",
    async (wrong) => {
      const limiter = createLimiter(redis, { prefix: "l", algorithm });
      await expectRejection("options", () => limiter.limit("id", wrong));
      await expectRejection("options", () => limiter.peek("id", wrong));
      await expectRejection("options", () => limiter.refund("id", 1, wrong));
      await expectRejection("options", () => limiter.block("id", 1, wrong));
      await expectRejection("options", () => limiter.reset("id", wrong));
    },
  );

  it.each([
    ["cost", { cost: null }],
    ["cost", { cost: "2" }],
    ["group", { group: null }],
    ["group", { group: "" }],
    ["group", { group: 5 }],
    ["algorithm", { algorithm: null }],
    ["algorithm", { algorithm: { limit: 5, window: 1_000 } }],
    ["signal", { signal: null }],
    ["signal", { signal: new AbortController() }],
    ["requestId", { requestId: null }],
    ["requestId", { requestId: 7 }],
  ] as const)("a limiter's call with a wrong %s: %o", async (option, wrong) => {
    const limiter = createLimiter(redis, { prefix: "l", algorithm });
    const call = wrong as Wrong;
    await expectRejection(option, () => limiter.limit("id", call));
    await expectRejection(option, () => limiter.peek("id", call));
    if (option === "cost") return;
    await expectRejection(option, () => limiter.refund("id", 1, call));
    if (option === "requestId") return;
    await expectRejection(option, () => limiter.block("id", 1, call));
    await expectRejection(option, () => limiter.reset("id", call));
  });

  it("a limiter with options that can never work", () => {
    for (const wrong of [undefined, null, "", 5]) {
      expectThrow("prefix", () => createLimiter(redis, { prefix: wrong as Wrong, algorithm }));
    }
    for (const wrong of [null, 5, {}]) {
      expectThrow("blocked", () => createLimiter(redis, { prefix: "l", algorithm, blocked: wrong as Wrong }));
      expectThrow("onEvent", () => createLimiter(redis, { prefix: "l", algorithm, onEvent: wrong as Wrong }));
      expectThrow("onError", () => createLimiter(redis, { prefix: "l", algorithm, onError: wrong as Wrong }));
    }
    for (const wrong of [null, 5]) {
      expectThrow("options", () => createLimiter(redis, { prefix: "l", algorithm, breaker: wrong as Wrong }));
      expectThrow("timeout", () => createLimiter(redis, { prefix: "l", algorithm, timeout: null as Wrong }));
    }
    expectThrow("buckets", () => slidingWindow({ limit: 1, window, buckets: 1_001 }));
  });

  it("a gateway without a token", () => {
    expectThrow("tokens", () => createGateway(redis, { tokens: [] }));
    expectThrow("tokens", () => createGateway(redis, { tokens: [""] }));
  });
});
