import { expect, it } from "vitest";
import { ConnectionError, ReplyError } from "../../src/core/errors.ts";
import { createLock, createManyLocks, createQuorumLock, LockBusyError } from "../../src/core/patterns/lock/index.ts";
import type { Command, Redis, SendOptions } from "../../src/core/port/redis.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type Backend, onEveryBackend } from "../support/backends.ts";

const ttl = 30_000;

/** A port on which each script that names the key fails in this way; nothing reaches the server. */
function failing(redis: Redis, key: string, error: Error): Redis {
  const send = (command: Command, options?: SendOptions) =>
    command[0].startsWith("EVAL") && command.includes(key) ? Promise.reject(error) : redis.send(command, options);
  return { ...redis, send };
}

onEveryBackend("whoever takes several things and is refused one by an error", (backend) => {
  severalNames(backend);
  severalNodes(backend);
});

function severalNames(backend: Backend): void {
  const prefix = `${backend.prefix}:many`;
  const lockOf = (name: string) => `lock:${prefix}:{${name}}`;
  const free = async (redis: Redis, name: string) => (await redis.send(["EXISTS", lockOf(name)])) === 0;

  it("keeps no name when another one is used for something else", async () => {
    const redis = await backend.connect();
    const locks = createManyLocks(redis, { ttl, prefix });
    await redis.send(["RPUSH", lockOf("typed-b"), "a"]);
    await redis.send(["PEXPIRE", lockOf("typed-b"), 60_000]);
    for (const take of [locks.tryAcquireAll, locks.acquireAll]) {
      const names = ["typed-a", "typed-b", "typed-c"];
      await expect(take(names)).rejects.toMatchObject({ name: "ReplyError", code: "WRONGTYPE" });
      expect(await free(redis, "typed-a")).toBe(true);
      expect(await free(redis, "typed-c")).toBe(true);
    }
  });

  it.each([
    ["a refusal", new ReplyError("NOPERM no permissions"), ReplyError],
    ["a server that is not reached", new ConnectionError("down", false), ConnectionError],
    ["an answer that is lost", new ConnectionError("cut", "unknown"), ConnectionError],
  ])("keeps no name after %s in the midst of them", async (what, error, kind) => {
    const redis = await backend.connect();
    const names = ["a", "b", "c"].map((name) => `${what} ${name}`);
    const broken = failing(redis, lockOf(names[1] ?? ""), error);
    const thrown = await createManyLocks(broken, { ttl, prefix })
      .acquireAll(names)
      .catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(kind);
    // On a Cluster the first was granted, so it is not true that nothing was executed.
    if (redis.masters) expect(Reflect.get(Object(thrown), "sent")).not.toBe(false);
    const each = createLock(redis, { ttl, prefix, wait: 3_000 });
    for (const name of names) await (await each.acquire(name)).release();
  });

  it("tells how long the longest of the holders has left, and waits for all of them", async () => {
    const redis = await backend.connect();
    const single = createLock(redis, { ttl, prefix });
    const many = createManyLocks(redis, { ttl, prefix });
    const [x, y] = [await single.acquire("x", { ttl: 5_000 }), await single.acquire("y")];
    const busy = await many.acquireAll(["w", "x", "y"], { wait: 60 }).catch((error: unknown) => error);
    expect(busy).toBeInstanceOf(LockBusyError);
    // One script sees them all; on a Cluster the first that is busy ends the attempt.
    if (!redis.masters) expect(Reflect.get(Object(busy), "remaining")).toBeGreaterThan(10_000);
    const waiting = many.acquireAll(["w", "x", "y"], { wait: 20_000 });
    await sleep(100);
    await x.release();
    await sleep(100);
    await y.release();
    const lease = await waiting;
    for (const name of ["w", "x", "y"]) expect((await single.inspect(name)).remaining, name).toBeGreaterThan(20_000);
    expect((await single.inspect("w")).remaining).toBeLessThanOrEqual(ttl);
    expect(await lease.release()).toBe(true);
  });

  it("runs a bounded number of commands for each name, and refuses more names than one script may have", async () => {
    const redis = await backend.connect();
    const locks = createManyLocks(redis, { ttl, prefix });
    const names = Array.from({ length: 100 }, (_, i) => `n${i}`);
    const lease = await locks.acquireAll(names);
    expect(lease.names).toHaveLength(100);
    const counts = await backend.count(() => lease.extend({ ttl: 2 * ttl }));
    const inner = Object.values(counts).reduce((sum, calls) => sum + calls, 0);
    expect(inner).toBeLessThanOrEqual(100 * 5);
    const releasing = await backend.count(() => lease.release());
    expect(Object.values(releasing).reduce((sum, calls) => sum + calls, 0)).toBeLessThanOrEqual(100 * 6);
    const claiming = await backend.count(async () => void (await locks.acquireAll(names)));
    expect(Object.values(claiming).reduce((sum, calls) => sum + calls, 0)).toBeLessThanOrEqual(100 * 7);
    await expect(locks.acquireAll([...names, "one more"])).rejects.toThrow(/`names`/);
  });
}

function severalNodes(backend: Backend): void {
  const prefix = `${backend.prefix}:nodes`;
  const holder = (name: string) => `lock:${prefix}:{${name}}`;

  /** Three nodes on one server: each sees its own key, as independent servers do. */
  function nodesOf(redis: Redis): Redis[] {
    return [0, 1, 2].map((node) => {
      const own = (part: Command[number]) =>
        typeof part === "string" && part.includes(prefix) ? part.replace(prefix, `${prefix}:${node}`) : part;
      const send = ([name, ...rest]: Command, options?: SendOptions) => redis.send([name, ...rest.map(own)], options);
      return { ...redis, send };
    });
  }

  const held = async (redis: Redis, name: string) => {
    const found = await Promise.all(
      [0, 1, 2].map((node) => redis.send(["EXISTS", `lock:${prefix}:${node}:{${name}}`])),
    );
    return found.filter((reply) => reply === 1).length;
  };

  it.each([
    ["a refusal", new ReplyError("NOPERM no permissions"), ReplyError],
    ["a loss", new ConnectionError("cut", "unknown"), ConnectionError],
    ["no connection", new ConnectionError("down", false), ConnectionError],
  ])("keeps no node of a quorum after %s of the others", async (what, error, kind) => {
    const redis = await backend.connect();
    const [one, two, three] = nodesOf(redis);
    if (!one || !two || !three) throw new Error("three nodes");
    const name = `quorum after ${what}`;
    const nodes = [one, failing(two, holder(name), error), failing(three, holder(name), error)];
    const locks = createQuorumLock(nodes, { ttl, prefix, nodeTimeout: 5_000 });
    await expect(locks.acquire(name)).rejects.toBeInstanceOf(kind);
    await until(async () => (await held(redis, name)) === 0);
  });

  it("waits for a quorum, and takes it once a majority is free", async () => {
    const redis = await backend.connect();
    const nodes = nodesOf(redis);
    const others = createQuorumLock(nodes, { ttl, prefix, nodeTimeout: 5_000 });
    const lease = await others.acquire("waits");
    const waiting = createQuorumLock(nodes, { ttl, prefix, nodeTimeout: 5_000 }).acquire("waits", { wait: 20_000 });
    await sleep(150);
    expect(await lease.release()).toBe(true);
    const next = await waiting;
    expect(await held(redis, "waits")).toBe(3);
    expect(await next.release()).toBe(true);
    expect(await held(redis, "waits")).toBe(0);
  });
}

async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await sleep(20);
}
