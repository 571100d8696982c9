import { Redis as Ioredis } from "ioredis";
import { afterAll, expect, it } from "vitest";
import { ioredisSubscriber } from "../../src/adapters/ioredis/index.ts";
import {
  type CacheOptions,
  createCache,
  LoadFailedError,
  wakeBySubscriber,
} from "../../src/core/patterns/cache/index.ts";
import type { Subscriber } from "../../src/core/port/subscriber.ts";
import { counted, gate, until } from "../fixtures/cache-tools.ts";
import { onStandaloneBackends } from "../support/backends.ts";
import { stopwatch } from "../support/stopwatch.ts";

onStandaloneBackends("callers who wait for the load of another process", (backend) => {
  const clients: Ioredis[] = [];
  afterAll(() => clients.forEach((client) => client.disconnect()));
  let serial = 0;

  /** One process that loads, and one that waits. */
  const setUp = async (subscriber?: Subscriber, more: Partial<CacheOptions<string>> = {}) => {
    const { host, port } = backend.server;
    const client = new Ioredis({ host, port });
    client.on("error", () => {});
    clients.push(client);
    serial += 1;
    const wake = wakeBySubscriber(subscriber ?? ioredisSubscriber(client));
    const options = { prefix: `${backend.prefix}:w${serial}`, ttl: 60_000, timeout: 10_000, wake, ...more };
    const { port: counting, trips } = counted(await backend.connect());
    const [loader, waiter] = [
      createCache<string>(await backend.connect(), options),
      createCache<string>(counting, options),
    ];
    const [started, finish] = [gate(), gate<string>()];
    await waiter.getOrSet("warm", () => "v");
    const load = () => {
      started.open();
      return finish.opened;
    };
    const loading = loader.getOrSet("k", load).catch((error: unknown) => error);
    await started.opened;
    trips.length = 0;
    const listeners = async () => backend.servers[0]?.send(["PUBSUB", "NUMSUB", `cache:${options.prefix}:{k}:lease`]);
    return { loader, waiter, trips, finish, loading, listeners };
  };

  it("are woken by its end, and ask no more often than they must", async () => {
    const { waiter, trips, finish, loading, listeners } = await setUp();
    const waiting = waiter.getOrSet("k", () => "own");
    // Once when it comes, once when it hears.
    await until(() => trips.length === 2);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(trips).toEqual(["EVALSHA", "EVALSHA"]);
    const elapsed = stopwatch();
    finish.open("loaded");
    expect(await waiting).toBe("loaded");
    // Its own next look would be after a second.
    expect(elapsed()).toBeLessThan(900);
    expect(trips).toHaveLength(3);
    await loading;
    await until(async () => String(await listeners()).endsWith(",0"));
  });

  it("are woken when it fails", async () => {
    const { waiter, trips, finish, loading } = await setUp();
    const waiting = waiter.getOrSet("k", () => "own");
    await until(() => trips.length === 2);
    finish.refuse(new Error("origin down"));
    await expect(waiting).rejects.toThrow(LoadFailedError);
    expect(trips).toHaveLength(3);
    expect(await loading).toMatchObject({ message: "origin down" });
  });

  it.each(["delete", "set"] as const)("are woken by a %s, after which it does not count", async (change) => {
    const { loader, waiter, trips, finish, loading } = await setUp();
    const waiting = waiter.getOrSet("k", () => "own");
    await until(() => trips.length === 2);
    if (change === "delete") await loader.delete("k");
    else await loader.set("k", "set");
    expect(await waiting).toBe(change === "delete" ? "own" : "set");
    finish.open("late");
    await loading;
    expect(await waiter.get("k")).toBe(change === "delete" ? "own" : "set");
  });

  it("load for themselves in time, although nothing is heard", async () => {
    const { waiter, finish, loading } = await setUp(undefined, { waitTimeout: 100 });
    const elapsed = stopwatch();
    expect(await waiter.getOrSet("k", () => "own")).toBe("own");
    // It would ask for itself after a second.
    expect(elapsed()).toBeLessThan(900);
    finish.open("loaded");
    await loading;
  });

  it("ask as often as without while the subscription fails", async () => {
    const refuse = () => Promise.reject(new Error("no subscriptions here"));
    const deaf: Subscriber = { subscribe: refuse, psubscribe: refuse };
    const { waiter, trips, finish, loading } = await setUp(deaf);
    const waiting = waiter.getOrSet("k", () => "own");
    await until(() => trips.length >= 4);
    finish.open("loaded");
    expect(await waiting).toBe("loaded");
    await loading;
  });

  it("leave at once when their signal aborts", async () => {
    const { waiter, trips, finish, loading, listeners } = await setUp();
    const gone = new AbortController();
    const waiting = waiter.getOrSet("k", () => "own", { signal: gone.signal });
    await until(() => trips.length === 2);
    gone.abort(new Error("left"));
    await expect(waiting).rejects.toThrow("left");
    await until(async () => String(await listeners()).endsWith(",0"));
    finish.open("loaded");
    await loading;
  });
});
