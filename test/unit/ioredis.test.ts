import { Redis as UpstashRedis } from "@upstash/redis";
import { Cluster, Redis as Redis6 } from "ioredis";
import { Cluster as Cluster5, Redis as Redis5 } from "ioredis-5";
import { describe, expect, it } from "vitest";
import { checkRedisUrl, type IoredisClient, ioredis } from "../../src/adapters/ioredis/index.ts";
import { ioredisSubscriber } from "../../src/adapters/ioredis/index.ts";
import { toReply } from "../../src/adapters/ioredis/replies.ts";
import { rest } from "../../src/adapters/rest/rest.ts";
import { OptionError } from "../../src/core/errors.ts";

const lazy = { lazyConnect: true };
const at = { host: "127.0.0.1", port: 1 };

describe("the client that ioredis() is given", () => {
  it.each([
    ["a URL", "redis://127.0.0.1:6379", /new Redis\(url\)/],
    ["nothing", undefined, /new Redis\(url\)/],
    ["null", null, /new Redis\(url\)/],
    ["plain options", at, /new Redis\(url\)/],
    ["an @upstash/redis client", new UpstashRedis({ url: "https://x.invalid", token: "s3cret" }), /upstash\(client\)/],
    ["a node-redis client", { isOpen: false, sendCommand: () => {} }, /node-redis/],
    ["an adapter", rest({ url: "https://x.invalid", token: "s3cret" }), /adapter already/],
  ])("must not be %s", (_, client, remedy) => {
    for (const make of [ioredis, ioredisSubscriber]) {
      const call = () => make(client as never);
      expect(call).toThrow(OptionError);
      expect(call).toThrow(/`client`/);
      expect(call).toThrow(remedy);
      expect(call).not.toThrow(/s3cret/);
    }
  });

  it.each(["slave", "all", () => undefined])("must not read from replicas: scaleReads %s", (scaleReads) => {
    for (const create of [Cluster, Cluster5]) {
      const client = new create([at], { ...lazy, scaleReads: scaleReads as "all" });
      expect(() => ioredis(client)).toThrow(/scaleReads: "master"/);
    }
  });

  it("must have no key prefix, which reaches keys and no channels [ioredis #1910]", () => {
    const prefixed = { ...lazy, keyPrefix: "app:" };
    const clients = [
      new Redis5(prefixed),
      new Redis6(prefixed),
      new Cluster5([at], prefixed),
      new Cluster([at], prefixed),
      new Cluster([at], { ...lazy, redisOptions: Object({ keyPrefix: "app:" }) }),
    ];
    for (const client of clients) {
      for (const make of [ioredis, ioredisSubscriber]) expect(() => make(client)).toThrow(/`keyPrefix`.*`prefix`/);
    }
    expect(() => ioredis(new Redis6({ ...lazy, keyPrefix: "" }))).not.toThrow();
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("gets no deadline of %d", (timeout) => {
    expect(() => ioredis(new Redis6(lazy), { timeout })).toThrow(/`timeout`/);
    expect(() => ioredisSubscriber(new Redis6(lazy), { timeout })).toThrow(/`timeout`/);
  });

  it.each([500, "500", null])("gets its deadline in options, not as %j in their place", (options) => {
    const client = new Redis6(lazy);
    for (const make of [ioredis, ioredisSubscriber]) {
      expect(() => make(client, options as never)).toThrow(/`options` must be an object, such as \{ timeout: 500 \}/);
    }
    expect(() => ioredis(client, { timeout: null } as never)).toThrow(/`timeout`/);
  });

  it("may be a Redis or a Cluster of either version, and is not connected by being given", () => {
    const clients = [new Redis5(lazy), new Redis6(lazy), new Cluster5([at], lazy), new Cluster([at], lazy)];
    for (const client of clients) {
      const redis = ioredis(client);
      ioredisSubscriber(client);
      expect(client.status).toBe("wait");
      expect(redis.masters !== undefined).toBe(client.isCluster);
    }
  });
});

describe("the URL of a Redis", () => {
  it.each([
    "redis://h",
    "rediss://app:p%23w%25@h:6380/1",
    "redis://:pw@[::1]:6379",
    "redis:///1",
    "redis://h?family=6",
  ])("is returned if a client can read it: %s", (url) => {
    expect(checkRedisUrl(url)).toBe(url);
    expect(() => new Redis6(url, { lazyConnect: true })).not.toThrow();
  });

  it.each([
    "redis://u:s3cret#w@h",
    "redis://u:s3cret%zz@h",
    "redis://u%:s3cret@h",
    "redis://u:s3cret/w@h",
    "redis://u:s3cret?w@h",
    "https://u:s3cret@h",
    "s3cret",
    "redis://h:s3cret",
    "redis://s3cret#",
    "",
    undefined,
  ])("is refused by the name of its setting, without what is in it: %s", (url) => {
    for (const name of [undefined, "CACHE_URL"]) {
      const refused = () => checkRedisUrl(url, name);
      expect(refused).toThrow(OptionError);
      expect(refused).toThrow(new RegExp(`^${name ?? "REDIS_URL"} must be a URL`));
      expect(refused).not.toThrow(/s3cret/);
    }
  });
});

describe("a command that can never work", () => {
  it.each([
    ["without a name", []],
    ["with an empty name", [""]],
    ["with undefined in it", ["GET", undefined]],
    ["with an object in it", ["SET", "k", {}]],
    ["with a boolean in it", ["SET", "k", true]],
  ])("%s is refused before anything is sent", async (_, command) => {
    const client: IoredisClient = new Redis6(lazy);
    const redis = ioredis(client);
    for (const call of [
      redis.send(command as never),
      redis.pipeline([command as never]),
      redis.transaction?.([command as never]),
    ]) {
      await expect(call).rejects.toBeInstanceOf(OptionError);
    }
    expect(client.status).toBe("wait");
  });
});

describe("a reply that only a newer server gives", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  // As Node's Buffer does, of which ioredis' replies are.
  const buffer = (text: string) => Object.assign(bytes(text), { toString: () => text });

  it.each([
    ["a rank with its score", ["ZRANK", "z", "m", "WITHSCORE"], [1, 2], [1, "2"]],
    ["a rank with the score as text", ["ZRANK", "z", "m", "WITHSCORE"], [1, buffer("2.5")], [1, "2.5"]],
    ["no rank", ["ZREVRANK", "z", "m", "WITHSCORE"], null, null],
    ["a score without bound", ["ZSCORE", "z", "m"], Number.NEGATIVE_INFINITY, "-inf"],
    ["a big number", ["NEW"], 9_007_199_254_740_993n, "9007199254740993"],
    ["a boolean", ["NEW"], true, 1],
    ["a set", ["NEW"], new Set([buffer("a"), false]), ["a", 0]],
    ["a map", ["NEW"], new Map([[buffer("a"), [1, null]]]), ["a", [1, null]]],
    ["an object with names like numbers", ["NEW"], { 7: buffer("a") }, ["7", "a"]],
    ["places", ["GEOSEARCH", "g"], [[buffer("p"), 34, [13, 38.5]]], [["p", 34, ["13", "38.5"]]]],
  ])("%s", (_, command, raw, reply) => {
    expect(toReply(command as [string], raw)).toEqual(reply);
  });
});
