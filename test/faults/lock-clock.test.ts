// The server's clock is set, as by an operator or by a failover to another machine.
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { createLock, createReadWriteLock, firstComeFirstServed } from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import type { VirtualClock } from "../fixtures/limiter-clock.ts";
import { onLockClock } from "../fixtures/lock-clock.ts";
import { kinds } from "../fixtures/lock-kinds.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let server: RedisServer;
let client: Client;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  client = new Client({ host: server.host, port: server.port });
  redis = ioredis(client);
});
afterAll(async () => {
  client.disconnect();
  await server.stop();
});

const noon = 1_795_000_000_000;

describe.each(Object.entries(kinds))("%s: when the server's clock is set back by a minute,", (kind, make) => {
  const of = (clock: VirtualClock, what: string) =>
    make(onLockClock(redis, clock), { ttl: 2_000, prefix: `${kind} ${what}` });

  it("what a crashed holder had passes on after the step and its ttl, and not a moment later", async () => {
    const clock = { now: noon };
    const lock = of(clock, "crash");
    await lock.acquire({ ttl: 2_000 });
    clock.now -= 60_000;
    expect(await lock.rival.tryAcquire()).toBeNull();
    clock.now = noon + 1_990;
    expect(await lock.rival.tryAcquire()).toBeNull();
    clock.now = noon + 2_000;
    expect(await (await lock.rival.tryAcquire())?.release()).toBe(true);
  });

  it("a holder that lives extends, releases and passes on as ever", async () => {
    const clock = { now: noon };
    const lock = of(clock, "alive");
    const lease = await lock.acquire();
    clock.now -= 60_000;
    await lease.extend();
    expect(await lock.rival.tryAcquire()).toBeNull();
    expect(await lease.release()).toBe(true);
    const next = await lock.rival.tryAcquire();
    expect(BigInt(next?.fence ?? "0")).toBeGreaterThanOrEqual(BigInt(lease.fence ?? "0"));
    expect(await next?.release()).toBe(true);
  });

  it("a step forward ends a lease early, and the next one is whole", async () => {
    const clock = { now: noon };
    const lock = of(clock, "forward");
    const lease = await lock.acquire({ ttl: 20_000 });
    clock.now += 60_000;
    const next = await lock.rival.tryAcquire({ ttl: 20_000 });
    expect(next).not.toBeNull();
    expect(await lease.release()).toBe(false);
    expect(await next?.release()).toBe(true);
  });
});

describe("a waiter that has died in the line, when the server's clock is set back by ten minutes,", () => {
  const patience = 3_000;
  const fifo = (port: Redis, prefix: string) => {
    const locks = createLock(port, { ttl: 20_000, prefix, order: firstComeFirstServed({ patience }) });
    return { first: locks, dead: locks, next: locks };
  };
  const readWrite = (port: Redis, prefix: string) => createReadWriteLock(port, { ttl: 20_000, prefix, patience });
  const scenes = {
    "in a line of locks": fifo,
    "a writer before a reader": (port: Redis, prefix: string) => {
      const { read, write } = readWrite(port, prefix);
      return { first: read, dead: write, next: read };
    },
    "a writer before a writer": (port: Redis, prefix: string) => {
      const { write } = readWrite(port, prefix);
      return { first: write, dead: write, next: write };
    },
    "a reader before a writer": (port: Redis, prefix: string) => {
      const { read, write } = readWrite(port, prefix);
      return { first: write, dead: read, next: write };
    },
  };

  it.each(Object.entries(scenes))(
    "is passed over after its patience, counted from the next question: %s",
    async (what, of) => {
      const clock = { now: noon };
      const { first, next } = of(onLockClock(redis, clock), what);
      let alive = true;
      const { dead } = of(
        onLockClock(redis, clock, () => alive),
        what,
      );
      const lease = await first.acquire("a");
      void dead.acquire("a", { wait: 60_000 });
      while ((await client.keys(`*${what}*:alive`)).length === 0) await sleep(2);
      alive = false;
      await lease.release();
      clock.now -= 600_000;
      expect(await next.tryAcquire("a")).toBeNull();
      clock.now += patience - 1;
      expect(await next.tryAcquire("a")).toBeNull();
      clock.now += 1;
      expect(await (await next.tryAcquire("a"))?.release()).toBe(true);
    },
  );
});
