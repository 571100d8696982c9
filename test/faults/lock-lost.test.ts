// A lease that ends because Redis refused its extensions says so, and does not tell its holder to raise the ttl.
import { Redis as Client } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { createLock, LockLostError, watchdog } from "../../src/core/patterns/lock/index.ts";
import { createUser } from "../support/acl.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let server: RedisServer;
let admin: Client;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  // Nobody can save there.
  server = await startRedis("--dir", "/proc");
  admin = new Client({ host: server.host, port: server.port });
});
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

const refusals: Record<string, () => Promise<unknown>> = {
  async MISCONF() {
    closing.push(() => admin.config("SET", "save", ""));
    await admin.config("SET", "save", "3600 1");
    await admin.bgsave();
    await expect.poll(() => admin.info("persistence")).toContain("rdb_last_bgsave_status:err");
  },
  NOREPLICAS() {
    closing.push(() => admin.config("SET", "min-replicas-to-write", 0));
    return admin.config("SET", "min-replicas-to-write", 1);
  },
  NOPERM: () => admin.call("ACL", "SETUSER", "app-shop", "-@write"),
};

/** What the error says: Redis 7 has no code for a script that lacks a right. */
const said = (code: string) => new RegExp(`could not be extended: .*(${code}|executing the script|ACL failure)`);

async function connect() {
  const login = await createUser(ioredis(admin), "app", { prefix: "shop" });
  const client = new Client({ host: server.host, port: server.port, ...login });
  client.on("error", () => {});
  closing.push(() => client.disconnect());
  return ioredis(client);
}

/** An extension that asks for no more than there is writes nothing, and so is not refused: within the same millisecond, `ttl` is no more. */
const longer = 90_000;

describe.each(Object.entries(refusals))("a lease whose extensions are refused by %s", (code, refuse) => {
  it("says it when its watchdog could not keep it", async () => {
    const locks = createLock(await connect(), { prefix: "shop", ttl: 500, watchdog: watchdog() });
    const { signal } = await locks.acquire("7");
    await refuse();
    await expect.poll(() => signal.aborted, { timeout: 10_000 }).toBe(true);
    expect(signal.reason).toBeInstanceOf(LockLostError);
    expect(signal.reason).toMatchObject({ cause: { code }, message: expect.stringMatching(said(code)) });
    expect(String(signal.reason)).not.toContain("raise");
  });

  it("says it to whoever extended it in vain", async () => {
    const locks = createLock(await connect(), { prefix: "shop", ttl: 500 });
    const lease = await locks.acquire("8");
    await refuse();
    await expect(lease.extend({ ttl: longer })).rejects.toMatchObject({ code });
    await expect.poll(() => lease.remaining).toBe(0);
    expect(() => lease.assertHeld()).toThrow(said(code));
    expect(() => lease.assertHeld()).toThrow(LockLostError);
  });
});

it("a lease that was deleted after an extension had failed is lost before its time", async () => {
  const redis = await connect();
  const lease = await createLock(redis, { prefix: "shop", ttl: 30_000 }).acquire("7");
  await refusals["NOREPLICAS"]?.();
  await expect(lease.extend({ ttl: longer })).rejects.toMatchObject({ code: "NOREPLICAS" });
  await closing.pop()?.();
  await admin.del("lock:shop:{7}");
  await expect(lease.extend()).rejects.toThrow(/before its time/);
});
