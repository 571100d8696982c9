import { Redis as Ioredis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { expectNoImmortalKey, expectNoSlowCommand } from "../support/inspect.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let server: RedisServer;
let client: Ioredis;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis("--enable-debug-command", "local");
  client = new Ioredis({ host: server.host, port: server.port });
  redis = ioredis(client);
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.send(["SLOWLOG", "RESET"]);
  await redis.send(["FLUSHALL"]);
});

/** Occupies the server for so many milliseconds. */
const occupy = (milliseconds: number) => redis.send(["DEBUG", "SLEEP", milliseconds / 1_000]);

it("a suite fails if a command is slow twice, or once for long", async () => {
  await occupy(60);
  await expect(expectNoSlowCommand([redis])).rejects.toThrow("slow log");
  await redis.send(["SLOWLOG", "RESET"]);
  await occupy(12);
  await expectNoSlowCommand([redis]);
  await occupy(12);
  await expect(expectNoSlowCommand([redis])).rejects.toThrow("slow log");
});

it("a suite does not fail for commands that were slow for less time than the machine gave no turn", async () => {
  await occupy(12);
  await occupy(12);
  await expectNoSlowCommand([redis], 60);
  await expect(expectNoSlowCommand([redis], 20)).rejects.toThrow("slow log");
});

it("a suite fails if it leaves a key without a TTL", async () => {
  await redis.send(["SET", "mortal", 1, "PX", 60_000]);
  await expectNoImmortalKey([redis], "mortal");
  await redis.send(["SET", "immortal", 1]);
  await expect(expectNoImmortalKey([redis], "immortal")).rejects.toThrow("without a TTL");
});
