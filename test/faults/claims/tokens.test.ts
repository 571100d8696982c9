// What only one-time tokens have; every other fault is in the ledger of claims.
import { expect, it } from "vitest";
import { ConnectionError } from "../../../src/core/errors.ts";
import { createTokens } from "../../../src/core/patterns/token/index.ts";
import { minutes } from "../../../src/core/time/duration.ts";
import { withFaults } from "../../../src/testing/index.ts";
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
    const port = withFaults(await backend.connect(), { only: ([name]) => name === "EVALSHA" });
    const tokens = createTokens(port, { ttl: minutes(1), prefix: `${backend.prefix}:t${(number += 1)}` });
    // Redis knows the scripts from here on, so that each call is one command.
    await (
      await kinds[kind](tokens, { user: "warm", purpose: "login" })
    )();
    return { tokens, port, consume: await kinds[kind](tokens, { user: "ada", purpose: "login" }) };
  }

  const names = ["link", "code"] as const;

  it.each(names)("a %s whose use arrives late, after another one, is accepted once", async (kind) => {
    const { consume, port } = await open(kind);
    let late = (): Promise<unknown> => Promise.resolve(null);
    port.next((run) => {
      late = run;
      return Promise.reject(new ConnectionError("The request was lost", "unknown"));
    });
    await expect(consume()).rejects.toMatchObject({ code: "CONNECTION" });
    expect(await consume()).toBe(true);
    // The answer of a refusal: no user and no data, but the number of attempts left.
    expect(await late()).toHaveLength(1);
    expect(await consume()).toBe(false);
  });

  it.each(names)("a %s whose issue nobody heard of ends with its time", async (kind) => {
    const { tokens, port } = await open(kind);
    port.loseReply();
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
