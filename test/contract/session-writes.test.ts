import { afterAll, beforeAll, expect, it } from "vitest";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { OptionError } from "../../src/core/errors.ts";
import { SessionGoneError } from "../../src/core/patterns/session/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import {
  createSessions,
  SessionConflictError,
  type SessionOptions,
  takeField,
  updateSession,
} from "../../src/core/patterns/session/index.ts";
import { expectNoStaleIndex } from "../fixtures/session-index.ts";
import { onEveryBackend } from "../support/backends.ts";

interface Counter {
  n?: number;
  flash?: string;
  other?: string;
  at?: Date;
}

onEveryBackend("writes to sessions", (backend) => {
  afterAll(() => expectNoStaleIndex(backend));
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<SessionOptions> = {}) =>
    createSessions<Counter>(redis, {
      idle: minutes(30),
      absolute: hours(12),
      prefix: `${backend.prefix}:${(number += 1)}`,
      ...options,
    });
  const increment = ({ n = 0 }: Counter) => ({ n: n + 1 });

  backend.it("loses no update of twenty that run in parallel", async () => {
    const sessions = open();
    const { token } = await sessions.create({ data: { n: 0 } });
    const held = await Promise.all(Array.from({ length: 20 }, () => sessions.read(token)));
    await Promise.all(held.map((session) => session && updateSession(session, increment)));
    expect((await sessions.read(token))?.data.n).toBe(20);
  });

  it("would lose updates by reading and setting, which is what updateSession is for", async () => {
    const sessions = open();
    const { token } = await sessions.create({ data: { n: 0 } });
    const held = await Promise.all(Array.from({ length: 20 }, () => sessions.read(token)));
    await Promise.all(held.map((session) => session?.set(increment(session.data))));
    expect((await sessions.read(token))?.data.n).toBe(1);
  });

  it("updates in one round trip when nobody is in the way, after a set of its own too", async () => {
    const sessions = open();
    const session = await sessions.create({ data: { n: 0 } });
    await updateSession(session, increment);
    await session.set({ other: "x" });
    const counts = await backend.count(() => updateSession(session, increment));
    expect(counts["evalsha"]).toBe(1);
    expect(session.data).toEqual({ n: 2, other: "x" });
  });

  it("computes again from what another has written, in a set too", async () => {
    const sessions = open();
    const session = await sessions.create({ data: { n: 0 } });
    const other = await sessions.read(session.token);
    await other?.set({ n: 10 });
    await session.set({ other: "mine" });
    await updateSession(session, increment);
    expect(session.data).toEqual({ n: 11, other: "mine" });
  });

  it("gives up after the attempts that it was given", async () => {
    const sessions = open();
    const session = await sessions.create({ data: { n: 0 } });
    const rival = await sessions.read(session.token);
    const late = updateSession(
      session,
      async ({ n = 0 }) => {
        await rival?.set({ n: n + 100 });
        return { n: n + 1 };
      },
      { attempts: 3 },
    );
    await expect(late).rejects.toThrow(SessionConflictError);
    expect((await sessions.read(session.token))?.data.n).toBe(300);
  });

  it("updates nothing that has ended", async () => {
    const session = await open().create({ data: { n: 0 } });
    await session.destroy();
    await expect(updateSession(session, increment)).rejects.toThrow(SessionGoneError);
    await expect(takeField(session, "flash")).rejects.toThrow(SessionGoneError);
  });

  it("gives a flash value to one of many parallel readers, and deletes it", async () => {
    const sessions = open();
    const { token } = await sessions.create({ data: { flash: "saved", other: "x" } });
    const held = await Promise.all(Array.from({ length: 10 }, () => sessions.read(token)));
    const taken = await Promise.all(held.map((session) => session && takeField(session, "flash")));
    expect(taken.filter((value) => value !== null)).toEqual(["saved"]);
    expect((await sessions.read(token))?.data).toEqual({ other: "x" });
    expect(held[0]?.data).toEqual({ other: "x" });
  });

  it("refuses by name of the option what JSON would change, and writes none of the patch", async () => {
    const sessions = open();
    const session = await sessions.create({ data: {} });
    const lossy: unknown[] = [
      new Date(0),
      { deep: [new Map()] },
      Number.NaN,
      [undefined],
      1n,
      () => 1,
      new URL("https://example.org"),
    ];
    const counts = await backend.count(async () => {
      for (const value of lossy) {
        const patch: object = { other: "x", n: value };
        await expect(session.set(patch)).rejects.toThrow(/codec|BigInt/);
      }
    });
    expect(counts).toEqual({});
    await expect(sessions.create({ data: { at: new Date(0) } })).rejects.toThrow(OptionError);
    const plain = { n: 0, other: "", list: [null, true, { a: undefined }], "__proto__ ": 1 };
    await session.set(plain);
    expect((await sessions.read(session.token))?.data).toEqual({ ...plain, list: [null, true, {}] });
  });

  it("keeps types through a codec that knows them", async () => {
    const codec = {
      name: "dates",
      encode: (value: unknown) => (value instanceof Date ? `date:${value.getTime()}` : JSON.stringify(value)),
      decode: (text: string): unknown =>
        text.startsWith("date:") ? new Date(Number(text.slice(5))) : JSON.parse(text),
    };
    const sessions = open({ codec });
    const { token } = await sessions.create({ data: { at: new Date(5) } });
    expect((await sessions.read(token))?.data.at).toEqual(new Date(5));
  });

  it("takes names and values of any text", async () => {
    const codec = { name: "text", encode: String, decode: (text: string) => text };
    const lines = ["\n", "\u0001", "\u00010", "\u00011", "\u0001\n", "a\nb", "\n\n", "\r\n"];
    const names = [
      "",
      ":",
      "m",
      "t",
      "w",
      "p",
      "y",
      "x",
      "\u0000",
      "__proto__",
      "constructor",
      "ü{}",
      "a b",
      "0",
      "1.0",
      "null",
    ];
    for (const options of [{}, { codec }]) {
      const sessions = createSessions<Record<string, string>>(redis, {
        idle: 60_000,
        absolute: 60_000,
        prefix: `${backend.prefix}:any${(number += 1)}`,
        ...options,
      });
      const data = Object.fromEntries([...names, ...lines].map((name) => [name, `${name}=007${name}`]));
      const session = await sessions.create({ data });
      expect((await sessions.read(session.token))?.data).toEqual(data);
      expect(Object.keys((await sessions.read(session.token))?.data ?? {})).toContain("__proto__");
      await session.set({ "\n": "x\n\u0001" });
      expect(session.data).toEqual({ ...data, "\n": "x\n\u0001" });
      expect(await takeField(session, "\n")).toBe("x\n\u0001");
      expect(session.data).not.toHaveProperty(["\n"]);
      await session.set(Object.fromEntries([...names, ...lines].map((name) => [name, undefined])));
      expect(session.data).toEqual({});
      expect((await sessions.read(session.token))?.data).toEqual({});
    }
  });

  it("has methods that may be passed on by themselves", async () => {
    const session = await open().create({ data: {} });
    await Promise.resolve({ n: 1 }).then(session.set);
    const { rotate, destroy } = session;
    expect(await rotate()).toBe(session.token);
    expect(session.data).toEqual({ n: 1 });
    await destroy();
    await expect(session.set({ n: 2 })).rejects.toThrow(SessionGoneError);
  });

  it("takes an object of fields for data, and nothing else", async () => {
    const sessions = open();
    const session = await sessions.create({ data: {} });
    for (const data of [null, "text", 7, ["a"]].map((wrong) => JSON.parse(JSON.stringify({ wrong })).wrong)) {
      await expect(sessions.create({ data })).rejects.toThrow(OptionError);
      await expect(session.set(data)).rejects.toThrow(OptionError);
    }
    await expect(sessions.create({ data: {}, ip: JSON.parse("[1]") })).rejects.toThrow(OptionError);
  });

  it("shares no object with the caller", async () => {
    const sessions = createSessions<{ cart: string[] }>(redis, {
      idle: 9_000,
      absolute: 9_000,
      prefix: `${backend.prefix}:own`,
    });
    const cart = ["a"];
    const session = await sessions.create({ data: { cart } });
    await session.set({ cart });
    cart.push("b");
    expect(session.data.cart).toEqual(["a"]);
  });
});
