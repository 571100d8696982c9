import { expect, it, vi } from "vitest";
import { hours, minutes } from "../../src/core/time/duration.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { createSessions, hmacSigner } from "../../src/core/patterns/session/index.ts";
import { knownTokens } from "../../src/core/patterns/session/known-tokens.ts";
import { identify, newToken } from "../../src/core/patterns/session/identity.ts";

it("remembers 4,000 tokens, and forgets the one that was first seen longest ago", async () => {
  const known = knownTokens();
  const identity = await identify("s", newToken("o".repeat(24)));
  for (let i = 0; i < 4_000; i += 1) known.remember(`t${i}`, identity);
  for (let i = 0; i < 10; i += 1) known.remember("t1", identity);
  expect(known.find("t0")).toBe(identity);
  known.remember("new", identity);
  expect(known.find("t0")).toBeUndefined();
  expect([known.find("t1"), known.find("new")]).toEqual([identity, identity]);
});

it("saves hashing and verifying, but not the question to Redis", async () => {
  const head = "1 1 1 1 9 9 1 1 0 1 tag [null,null,null]";
  const send = vi.fn<Redis["send"]>(async () => head);
  const redis: Redis = { send, pipeline: async () => [] };
  const limits = { idle: minutes(30), absolute: hours(12), signer: hmacSigner(["s".repeat(32)]) };
  const { token } = await createSessions(redis, limits).create({ data: {} });
  // Another process has not seen it yet.
  const sessions = createSessions(redis, limits);
  await sessions.read(token);
  const [digest, verify] = [vi.spyOn(crypto.subtle, "digest"), vi.spyOn(crypto.subtle, "verify")];
  send.mockClear();
  for (let i = 0; i < 3; i += 1) expect((await sessions.read(token))?.token).toBe(token);
  expect(send).toHaveBeenCalledTimes(3);
  expect([digest.mock.calls.length, verify.mock.calls.length]).toEqual([0, 0]);
  // One that Redis does not know is not remembered either.
  send.mockResolvedValue(null);
  await createSessions(redis, limits).read(token);
  expect(verify.mock.calls.length).toBe(1);
  vi.restoreAllMocks();
});
