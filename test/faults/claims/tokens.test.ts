import { expect, it } from "vitest";
import { createTokens } from "../../../src/core/patterns/token/index.ts";
import type { Reply } from "../../../src/core/port/redis.ts";
import { minutes } from "../../../src/core/time/duration.ts";
import { faulty, lost } from "../../fixtures/faulty-port.ts";
import { onStandaloneBackends } from "../../support/backends.ts";

onStandaloneBackends("a one-time token", (backend) => {
  let number = 0;
  const kinds = {
    async link(tokens: ReturnType<typeof createTokens>, subject: { user: string; purpose: string }) {
      const { token } = await tokens.issue(subject);
      return async (signal?: AbortSignal) => (await tokens.consume(token, { ...subject, signal })) !== null;
    },
    async code(tokens: ReturnType<typeof createTokens>, subject: { user: string; purpose: string }) {
      const { code } = await tokens.issueCode(subject);
      return async (signal?: AbortSignal) => (await tokens.consumeCode({ ...subject, code, signal })).accepted;
    },
  };

  /** A fresh token, and the call that uses it up and says whether it was accepted. */
  async function open(kind: keyof typeof kinds) {
    const { redis, failNext } = faulty(await backend.connect());
    const tokens = createTokens(redis, { ttl: minutes(1), prefix: `${backend.prefix}:t${(number += 1)}` });
    // Redis knows the scripts from here on, so that each call is one command.
    await (
      await kinds[kind](tokens, { user: "warm", purpose: "login" })
    )();
    return { tokens, failNext, consume: await kinds[kind](tokens, { user: "ada", purpose: "login" }) };
  }

  const names = ["link", "code"] as const;

  it.each(names)("a %s that is sent twice is accepted, and no second time", async (kind) => {
    const { consume, failNext } = await open(kind);
    failNext((send) => send().then(send));
    expect(await consume()).toBe(true);
    expect(await consume()).toBe(false);
  });

  it.each(names)("a %s whose caller left before is not used up", async (kind) => {
    const { consume } = await open(kind);
    const reason = new Error("left");
    await expect(consume(AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(await consume()).toBe(true);
  });

  it.each(names)("a %s whose acceptance nobody heard is used up", async (kind) => {
    const { consume, failNext } = await open(kind);
    failNext((send) => send().then(lost));
    await expect(consume()).rejects.toMatchObject({ code: "CONNECTION" });
    expect(await consume()).toBe(false);
  });

  it.each(names)("a %s whose use arrives late, after another one, is accepted once", async (kind) => {
    const { consume, failNext } = await open(kind);
    let late: () => Promise<Reply> = () => Promise.resolve(null);
    failNext((send) => {
      late = send;
      return lost();
    });
    await expect(consume()).rejects.toMatchObject({ code: "CONNECTION" });
    expect(await consume()).toBe(true);
    // The answer of a refusal: no user and no data, but the number of attempts left.
    expect(await late()).toHaveLength(1);
    expect(await consume()).toBe(false);
  });

  it.each(names)("a %s whose issue nobody heard of ends with its time", async (kind) => {
    const { tokens, failNext } = await open(kind);
    failNext((send) => send().then(lost));
    await expect(kinds[kind](tokens, { user: "bob", purpose: "login" })).rejects.toMatchObject({ code: "CONNECTION" });
    const redis = await backend.connect();
    for (const key of await backend.keys()) {
      const left = Number(await redis.send(["PTTL", key]));
      expect(left).toBeGreaterThan(0);
      expect(left).toBeLessThanOrEqual(minutes(1));
    }
    // The next one that is issued works.
    expect(await (await kinds[kind](tokens, { user: "bob", purpose: "login" }))()).toBe(true);
  });
});
