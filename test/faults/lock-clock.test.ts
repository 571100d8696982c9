// The server's clock is set, as by an operator or by a failover to another machine.
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { createLock, createReadWriteLock, firstComeFirstServed } from "../../src/core/patterns/lock/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { withFaults } from "../../src/testing/index.ts";
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

describe.each(Object.entries(kinds))("%s: a grant whose answer came after its deadline", (kind, make) => {
  it("is granted anew to the same asker, for the whole ttl", async () => {
    const clock = { now: noon };
    const port = withFaults(onLockClock(redis, clock), { only: ([name]) => name.startsWith("EVAL") });
    const options = { ttl: 50, wait: 20_000, prefix: `${kind} late` };
    const lock = make(port, options);
    // The clock of the server stands still, so its grant outlives the asker's patience with it.
    port.next(async (run) => {
      const reply = await run();
      await sleep(70);
      clock.now += 40;
      return reply;
    });
    const lease = await lock.acquire({ ttl: 50 });
    const others = make(onLockClock(redis, clock), options);
    clock.now += 49;
    expect(await others.rival.tryAcquire()).toBeNull();
    clock.now += 1;
    expect(await others.rival.tryAcquire({ ttl: 60_000 })).not.toBeNull();
    expect(await lease.release()).toBe(false);
  });
});

it("readers and writers come in by their arrival, also when the server's clock is set back between them", async () => {
  const clock = { now: noon };
  const { read, write } = createReadWriteLock(onLockClock(redis, clock), {
    ttl: 20_000,
    prefix: "order",
    wait: 20_000,
  });
  const inLine = async () => {
    const lines = ["read", "write"].map((side) => client.zcard(`read-write:order:{a}:${side}-line`));
    return (await Promise.all(lines)).reduce((sum, waiting) => sum + waiting, 0);
  };
  const holder = await write.acquire("a");
  const served: string[] = [];
  const waiting: Promise<unknown>[] = [];
  for (const [i, side] of [write, read, write, read, read, write].entries()) {
    waiting.push(side.run("a", () => void served.push(side === read ? "reader" : `writer ${i}`)));
    while ((await inLine()) <= i) await sleep(1);
    clock.now -= 60_000;
  }
  await holder.release();
  await Promise.all(waiting);
  expect(served).toEqual(["writer 0", "reader", "writer 2", "reader", "reader", "writer 5"]);
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
