import { afterAll, beforeAll, expect, it } from "vitest";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { SessionGoneError } from "../../src/core/patterns/session/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { createSessions, listSessions, type Session, updateSession } from "../../src/core/patterns/session/index.ts";
import { gated } from "../fixtures/session-gate.ts";
import { expectNoStaleIndex } from "../fixtures/session-index.ts";
import { onEveryBackend } from "../support/backends.ts";

interface Shop {
  cart?: string[];
  theme?: string;
  n?: number;
}

onEveryBackend("races of sessions, in a forced order", (backend) => {
  afterAll(() => expectNoStaleIndex(backend));
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const setup = () => {
    const prefix = `${backend.prefix}:${(number += 1)}`;
    const gate = gated(redis);
    const options = { idle: minutes(30), absolute: hours(12), prefix, touchEvery: 0 };
    return {
      gate,
      fast: createSessions<Shop>(redis, options),
      slow: createSessions<Shop>(gate.redis, options),
    };
  };
  const present = <T>(value: T | null): T => {
    if (value === null) throw new Error("the session is missing");
    return value;
  };

  it("CVE-2025-46336: a slow request that ends after the logout does not restore the session", async () => {
    const { gate, fast, slow } = setup();
    const { token } = await fast.create({ user: "alice", data: {} });
    const slowRequest = present(await slow.read(token));
    const write = await gate.hold(() => slowRequest.set({ cart: ["x"] }));
    await present(await fast.read(token)).destroy();
    const before = await backend.keys();
    await expect(write.finish()).rejects.toThrow(SessionGoneError);
    expect(await fast.read(token)).toBeNull();
    expect(await listSessions(fast, "alice")).toEqual([]);
    expect((await backend.keys()).length).toBe(before.length);
  });

  it("would be caught: a store that writes unconditionally restores it", async () => {
    const key = `own:${backend.prefix}:naive:{s}`;
    const save = (data: string) => redis.send(["SET", key, data, "PX", 60_000]);
    await save("alice");
    const gate = gated(redis);
    const write = await gate.hold(() => gate.redis.send(["SET", key, "alice, cart", "PX", 60_000]));
    await redis.send(["DEL", key]);
    await write.finish();
    expect(await redis.send(["GET", key])).toBe("alice, cart");
  });

  it.each<[string, (session: Session<Shop>) => Promise<unknown>]>([
    ["a set", (session) => session.set({ theme: "dark" })],
    ["an update", (session) => updateSession(session, () => ({ theme: "dark" }))],
    ["a rotation", (session) => session.rotate()],
  ])("logs out for good although %s is in flight", async (_, act) => {
    for (const end of ["destroy", "revokeAll"] as const) {
      const { gate, fast, slow } = setup();
      const { token } = await fast.create({ user: "me", data: {} });
      const inFlight = present(await slow.read(token));
      const late = await gate.hold(() => act(inFlight));
      if (end === "destroy") await present(await fast.read(token)).destroy();
      else await fast.revokeAll("me");
      await expect(late.finish()).rejects.toThrow(SessionGoneError);
      expect(await fast.read(token)).toBeNull();
      expect(await fast.read(inFlight.token)).toBeNull();
    }
  });

  it("keeps both of two fields that two requests, which read before either wrote, write", async () => {
    const { gate, fast, slow } = setup();
    const { token } = await fast.create({ data: {} });
    const [a, b] = [present(await slow.read(token)), present(await fast.read(token))];
    const write = await gate.hold(() => a.set({ cart: ["x"] }));
    await b.set({ theme: "dark" });
    await write.finish();
    expect(present(await fast.read(token)).data).toEqual({ cart: ["x"], theme: "dark" });
  });

  it("does not lose a parallel request when another rotates, whether it reads or writes", async () => {
    const { gate, fast, slow } = setup();
    const session = await fast.create({ user: "me", data: {} });
    const old = session.token;
    const writer = present(await slow.read(old));
    const write = await gate.hold(() => writer.set({ cart: ["x"] }));
    const fresh = await session.rotate();
    await write.finish();
    const read = await gate.hold(() => slow.read(old));
    expect((await read.finish())?.data).toEqual({ cart: ["x"] });
    expect(present(await fast.read(fresh)).data).toEqual({ cart: ["x"] });
  });

  it("ends a rotated session by a logout that still holds the old token", async () => {
    const { gate, fast, slow } = setup();
    const session = await fast.create({ user: "me", data: {} });
    const leaving = present(await slow.read(session.token));
    const logout = await gate.hold(() => leaving.destroy());
    const fresh = await session.rotate();
    await logout.finish();
    expect(await fast.read(fresh)).toBeNull();
  });

  it("puts revokeAll wholly before or wholly after a login", async () => {
    const { gate, fast, slow } = setup();
    const before = await fast.create({ user: "me", data: {} });
    const login = await gate.hold(() => slow.create({ user: "me", data: {} }));
    await fast.revokeAll("me");
    const after = await login.finish();
    expect(await fast.read(before.token)).toBeNull();
    expect(await fast.read(after.token)).not.toBeNull();
    await fast.revokeAll("me");
    expect(await fast.read(after.token)).toBeNull();
  });

  it("does not let a touch bring back what revokeAll has ended, or list it again", async () => {
    const { gate, fast, slow } = setup();
    const { token } = await fast.create({ user: "me", data: {} });
    const touch = await gate.hold(() => slow.read(token));
    await fast.revokeAll("me");
    expect(await touch.finish()).toBeNull();
    expect(await listSessions(fast, "me")).toEqual([]);
  });

  it("lets revokeAll keep the session that asks, whatever else is in flight", async () => {
    const { gate, fast, slow } = setup();
    const here = await fast.create({ user: "me", data: {} });
    const there = present(await slow.read((await fast.create({ user: "me", data: {} })).token));
    const late = await gate.hold(() => there.set({ theme: "dark" }));
    await fast.revokeAll("me", { except: here });
    await expect(late.finish()).rejects.toThrow(SessionGoneError);
    await here.set({ theme: "light" });
    expect(present(await fast.read(here.token)).data.theme).toBe("light");
  });

  it("logs everybody out in any interleaving of logins, writes, rotations and a revocation", async () => {
    const { fast } = setup();
    const all = await Promise.all(Array.from({ length: 10 }, () => fast.create({ user: "me", data: {} })));
    const work = all.flatMap((session) => [session.set({ n: 1 }), session.rotate(), fast.read(session.token)]);
    const revoked = fast.revokeAll("me");
    await Promise.allSettled([...work, revoked]);
    for (const session of all) expect(await fast.read(session.token)).toBeNull();
    expect(await listSessions(fast, "me")).toEqual([]);
  });
});
