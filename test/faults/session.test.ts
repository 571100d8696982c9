import { expect, it } from "vitest";
import { hours, minutes } from "../../src/core/duration.ts";
import { SessionGoneError } from "../../src/core/errors.ts";
import type { Redis } from "../../src/core/redis.ts";
import { createSessions } from "../../src/core/session/index.ts";
import { onStandaloneBackends } from "../support/backends.ts";

interface Shop {
  cart?: string[];
  theme?: string;
}

onStandaloneBackends("sessions whose reply is lost", (backend) => {
  const open = (redis: Redis) =>
    createSessions<Shop>(redis, {
      idle: minutes(30),
      absolute: hours(12),
      prefix: `${backend.prefix}:s`,
      maxPerUser: 3,
    });
  /** Runs the work with its reply lost once; the server must have executed it twice. */
  const twice = async (proxy: { cutReplies(): void; readonly cuts: number }, work: () => Promise<unknown>) => {
    const before = proxy.cuts;
    proxy.cutReplies();
    const counts = await backend.count(work);
    expect(proxy.cuts).toBe(before + 1);
    expect(counts["evalsha"]).toBe(2);
  };

  it("creates one session, and counts it once", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    const first = await sessions.create({ user: "u", data: {} });
    await sessions.create({ user: "u", data: {} });
    let session = first;
    await twice(proxy, async () => {
      session = await sessions.create({ user: "u", data: { cart: ["x"] } });
    });
    expect((await sessions.read(session.token))?.data).toEqual({ cart: ["x"] });
    // A third that had been counted twice would have evicted the first.
    expect(await sessions.read(first.token)).not.toBeNull();
  });

  it("writes a patch once, so that it does not undo a later one", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    const session = await sessions.create({ user: "set", data: {} });
    await twice(proxy, () => session.set({ theme: "dark" }));
    const [key = ""] = (await backend.keys()).filter((key) => key.endsWith(session.id.slice(-16)));
    expect(await redis.send(["HGET", key, "v"])).toBe("2");
    expect((await sessions.read(session.token))?.data).toEqual({ theme: "dark" });
  });

  it("rotates once, and the token that was given works", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    const session = await sessions.create({ user: "rotate", data: { cart: ["x"] } });
    const old = session.token;
    await twice(proxy, () => session.rotate());
    expect(session.token).not.toBe(old);
    expect((await sessions.read(session.token))?.data).toEqual({ cart: ["x"] });
  });

  it("rotates once without a grace too", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = createSessions(redis, { idle: 60_000, absolute: 60_000, prefix: `${backend.prefix}:n`, grace: 0 });
    const session = await sessions.create({ user: "rotate", data: {} });
    await twice(proxy, () => session.rotate());
    expect(await sessions.read(session.token)).not.toBeNull();
  });

  it("destroys for good", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    const session = await sessions.create({ user: "destroy", data: {} });
    const parallel = await sessions.read(session.token);
    await twice(proxy, () => session.destroy());
    expect(await sessions.read(session.token)).toBeNull();
    await expect(parallel?.set({ theme: "dark" })).rejects.toThrow(SessionGoneError);
  });

  it("revokes what there was, and keeps the one to keep", async () => {
    const { redis, proxy } = await backend.connectThroughProxy();
    const sessions = open(redis);
    const [here, there] = [
      await sessions.create({ user: "r", data: {} }),
      await sessions.create({ user: "r", data: {} }),
    ];
    await twice(proxy, () => sessions.revokeAll("r", { except: here }));
    expect(await sessions.read(here.token)).not.toBeNull();
    expect(await sessions.read(there.token)).toBeNull();
  });
});
