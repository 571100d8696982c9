import { beforeAll, describe, expect, it } from "vitest";
import { minutes } from "../../src/core/time/duration.ts";
import { OptionError } from "../../src/core/errors.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer } from "../../src/core/port/reply.ts";
import { createTokens, type TokenOptions } from "../../src/core/patterns/token/index.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("one-time tokens", (backend) => {
  let redis: Redis;
  let number = 0;
  beforeAll(async () => {
    redis = await backend.connect();
  });
  const open = (options: Partial<TokenOptions> = {}) =>
    createTokens<{ email: string }>(redis, {
      ttl: minutes(10),
      prefix: `${backend.prefix}:${(number += 1)}`,
      ...options,
    });
  const own = async () => (await backend.keys()).filter((key) => key.startsWith(`token:${backend.prefix}:${number}:`));
  const verify = { purpose: "verify-email" };
  const data = { email: "ada@example.org" };
  const flip = (code: string) => code.replace(/\d$/, (digit) => String((Number(digit) + 1) % 10));

  it("accepts a link once, and says whose it is and what it carries", async () => {
    const tokens = open();
    const { token, expiresAt } = await tokens.issue({ user: "ada", ...verify, data });
    expect(token).toHaveLength(83);
    expect(expiresAt).toBeGreaterThan(0);
    expect(await tokens.consume(token, verify)).toEqual({ user: "ada", data });
    expect(await tokens.consume(token, verify)).toBeNull();
  });

  backend.it("accepts one of fifty that come together", async () => {
    const tokens = open();
    const { token } = await tokens.issue({ user: "ada", ...verify });
    const all = await Promise.all(Array.from({ length: 50 }, () => tokens.consume(token, verify)));
    expect(all.filter((claim) => claim !== null)).toEqual([{ user: "ada", data: null }]);
    const { code } = await tokens.issueCode({ user: "ada", ...verify });
    const codes = await Promise.all(
      Array.from({ length: 50 }, () => tokens.consumeCode({ user: "ada", ...verify, code })),
    );
    expect(codes.filter(({ accepted }) => accepted)).toHaveLength(1);
  });

  it("costs one call each", async () => {
    const tokens = open();
    const first = await tokens.issue({ user: "ada", ...verify });
    await tokens.consume(first.token, verify);
    let token = "";
    const issuing = await backend.count(async () => {
      ({ token } = await tokens.issue({ user: "ada", ...verify }));
    });
    expect(issuing["evalsha"]).toBe(1);
    expect((await backend.count(() => tokens.consume(token, verify)))["evalsha"]).toBe(1);
  });

  it("stores neither the token nor the code nor the user in a key", async () => {
    const tokens = open({ pepper: "p".repeat(32) });
    const { token } = await tokens.issue({ user: "ada@example.org", ...verify });
    const { code } = await tokens.issueCode({ user: "ada@example.org", ...verify });
    const keys = await own();
    expect(keys).toHaveLength(3);
    const values = await Promise.all(keys.map((key) => redis.send(["HGET", key, "k"])));
    expect(JSON.stringify([keys, values])).not.toContain(token.slice(40));
    expect(values).not.toContain(code);
    expect(keys.join()).not.toContain("ada@");
    for (const key of keys) expect(integer(await redis.send(["PTTL", key]))).toBeLessThanOrEqual(minutes(10));
  });

  it("is looked at any number of times and used up by none, as by a mail scanner's HEAD and GET", async () => {
    const tokens = open();
    const { token, expiresAt } = await tokens.issue({ user: "ada", ...verify, data });
    await tokens.peek(token);
    const looking = await backend.count(async () => {
      expect(await tokens.peek(token)).toEqual({ user: "ada", ...verify, data, expiresAt });
    });
    expect(looking).toEqual({ evalsha: 1, hmget: 1, hget: 1 });
    expect(await tokens.consume(token, verify)).toEqual({ user: "ada", data });
    expect(await tokens.peek(token)).toBeNull();
  });

  it("shows nothing of a token that is forged, of a session's shape, revoked, or none", async () => {
    const tokens = open();
    const { token } = await tokens.issue({ user: "ada", ...verify });
    const other = (await tokens.issue({ user: "eve", ...verify })).token;
    for (const bad of [
      "",
      "x",
      null,
      undefined,
      token.slice(0, 40) + other.slice(40),
      other.slice(0, 24) + token.slice(24),
    ])
      expect(await tokens.peek(bad)).toBeNull();
    await tokens.revokeAll("ada");
    expect(await tokens.peek(token)).toBeNull();
    expect(await tokens.peek(other)).not.toBeNull();
  });

  it.each<[string, unknown]>([
    ["`data` is of type bigint", 1n],
    ["`data.at` is of type Date", { at: new Date(0) }],
    ["`data.ids[1]` is of type bigint", { ids: [1, 2n] }],
    ["`data` is of type function", () => 1],
  ])("refuses data that JSON changes: %s", async (message, wrong) => {
    const tokens = open();
    for (const issue of [tokens.issue, tokens.issueCode]) {
      const issuing = issue({ user: "ada", ...verify, data: wrong as never });
      await expect(issuing).rejects.toMatchObject({ code: "OPTION", message: expect.stringContaining(message) });
    }
  });

  it.each<[string, (tokens: ReturnType<typeof open>) => Promise<unknown>]>([
    ["purpose", (tokens) => tokens.issue({ user: "u", purpose: "" })],
    ["purpose", (tokens) => tokens.issueCode({ user: "u", purpose: "" })],
    ["purpose", (tokens) => tokens.consumeCode({ user: "u", purpose: "", code: "1" })],
    ["options", (tokens) => tokens.issueCode("u" as never)],
    ["options", (tokens) => tokens.consume("x", "login" as never)],
    ["options", (tokens) => tokens.consume("x", undefined as never)],
    ["options", (tokens) => tokens.peek("x", "login" as never)],
    ["options", (tokens) => tokens.revokeAll("u", 5 as never)],
    ["ttl", (tokens) => tokens.issue({ user: "u", ...verify, ttl: null as never })],
    ["signal", (tokens) => tokens.issue({ user: "u", ...verify, signal: null as never })],
  ])("refuses a wrong shape of `%s`", async (name, call) => {
    await expect(call(open())).rejects.toMatchObject({
      code: "OPTION",
      message: expect.stringContaining(`\`${name}\``),
    });
  });

  it("is worthless for another purpose, and not used up by the attempt", async () => {
    const tokens = open();
    const { token } = await tokens.issue({ user: "ada", ...verify });
    expect(await tokens.consume(token, { purpose: "reset-password" })).toBeNull();
    expect(await tokens.consume(token, verify)).not.toBeNull();
    const { code } = await tokens.issueCode({ user: "ada", ...verify });
    expect(await tokens.consumeCode({ user: "ada", purpose: "reset-password", code })).toMatchObject({
      accepted: false,
    });
    expect(await tokens.consumeCode({ user: "ada", ...verify, code })).toMatchObject({ accepted: true });
  });

  it("ends with its time", async () => {
    const tokens = open();
    const { token } = await tokens.issue({ user: "ada", ...verify, ttl: 1 });
    while ((await own()).some((key) => key.includes(":t1:"))) await sleep(5);
    expect(await tokens.consume(token, verify)).toBeNull();
  });

  it("is turned away without a round trip where it cannot be one, and never accepted in part", async () => {
    const tokens = open();
    const { token } = await tokens.issue({ user: "ada", ...verify });
    const other = (await tokens.issue({ user: "eve", ...verify })).token;
    const counts = await backend.count(async () => {
      for (const bad of ["", "x", `${token}x`, token.slice(1), "a".repeat(100_000), null, undefined])
        expect(await tokens.consume(bad, verify)).toBeNull();
    });
    expect(counts).toEqual({});
    for (const forged of [token.slice(0, 40) + other.slice(40), other.slice(0, 24) + token.slice(24)])
      expect(await tokens.consume(forged, verify)).toBeNull();
    expect(await tokens.consume(token, verify)).not.toBeNull();
  });

  it("is revoked with all others of its user, and nobody else's", async () => {
    const tokens = open();
    const { token } = await tokens.issue({ user: "ada", ...verify });
    const { code } = await tokens.issueCode({ user: "ada", ...verify });
    const other = await tokens.issue({ user: "eve", ...verify });
    await tokens.revokeAll("ada");
    expect(await tokens.consume(token, verify)).toBeNull();
    expect(await tokens.consumeCode({ user: "ada", ...verify, code })).toEqual({ accepted: false, attemptsLeft: 0 });
    expect(await tokens.consume(other.token, verify)).not.toBeNull();
    const next = await tokens.issue({ user: "ada", ...verify });
    expect(await tokens.consume(next.token, verify)).not.toBeNull();
  });

  describe("a code", () => {
    it("has the digits that were asked for, and may be typed with spaces and dashes", async () => {
      const tokens = open({ digits: 8 });
      const { code } = await tokens.issueCode({ user: "ada", ...verify, data });
      expect(code).toMatch(/^\d{8}$/);
      const typed = ` ${code.slice(0, 4)} - ${code.slice(4)} `;
      expect(await tokens.consumeCode({ user: "ada", ...verify, code: typed })).toEqual({ accepted: true, data });
      expect(await tokens.consumeCode({ user: "ada", ...verify, code })).toEqual({ accepted: false, attemptsLeft: 0 });
    });

    it("is worthless after too many wrong ones", async () => {
      const tokens = open({ attempts: 3 });
      const { code } = await tokens.issueCode({ user: "ada", ...verify });
      for (const [wrong, attemptsLeft] of [
        [flip(code), 2],
        ["", 1],
        ["abcdef", 0],
        [code, 0],
      ] as const)
        expect(await tokens.consumeCode({ user: "ada", ...verify, code: wrong })).toEqual({
          accepted: false,
          attemptsLeft,
        });
      expect(await tokens.consumeCode({ user: "ada", ...verify, code })).toMatchObject({ accepted: false });
    });

    it("is replaced by the next, with all attempts", async () => {
      const tokens = open({ attempts: 2 });
      const first = await tokens.issueCode({ user: "ada", ...verify });
      await tokens.consumeCode({ user: "ada", ...verify, code: flip(first.code) });
      const second = await tokens.issueCode({ user: "ada", ...verify });
      expect(await tokens.consumeCode({ user: "ada", ...verify, code: flip(second.code) })).toMatchObject({
        attemptsLeft: 1,
      });
      expect(await tokens.consumeCode({ user: "ada", ...verify, code: second.code })).toMatchObject({ accepted: true });
    });

    it("allows exactly so many guesses, however parallel", async () => {
      const tokens = open({ attempts: 5 });
      const { code } = await tokens.issueCode({ user: "ada", ...verify });
      const wrong = Array.from({ length: 20 }, () => tokens.consumeCode({ user: "ada", ...verify, code: flip(code) }));
      const left = (await Promise.all(wrong)).map((verdict) => (verdict.accepted ? -1 : verdict.attemptsLeft));
      expect(left.filter((attempts) => attempts > 0).sort((a, b) => a - b)).toEqual([1, 2, 3, 4]);
      expect(await tokens.consumeCode({ user: "ada", ...verify, code })).toMatchObject({ accepted: false });
    });
  });

  it("takes users and purposes of any text", async () => {
    const tokens = open();
    const names = ["a:b", "{x}", "*", "ü", "u".repeat(10_000), "%7B", "\n"];
    for (const name of names) {
      const { token } = await tokens.issue({ user: name, purpose: name });
      expect(await tokens.consume(token, { purpose: name })).toMatchObject({ user: name });
      const { code } = await tokens.issueCode({ user: name, purpose: name });
      expect(await tokens.consumeCode({ user: name, purpose: name, code })).toMatchObject({ accepted: true });
    }
  });

  it("names the option that can never work, and sends nothing", async () => {
    const tokens = open();
    const counts = await backend.count(async () => {
      for (const bad of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(() => open({ ttl: bad })).toThrow(OptionError);
        expect(() => open({ attempts: bad })).toThrow(OptionError);
        expect(() => open({ digits: bad })).toThrow(OptionError);
        await expect(tokens.issue({ user: "ada", ...verify, ttl: bad })).rejects.toThrow(OptionError);
      }
      expect(() => open({ digits: 5 })).toThrow(OptionError);
      expect(() => open({ pepper: "short" })).toThrow(OptionError);
      expect(() => open({ prefix: "{}" })).toThrow(OptionError);
      await expect(tokens.issue({ user: "", ...verify })).rejects.toThrow(OptionError);
      await expect(tokens.issue({ user: "ada", purpose: "" })).rejects.toThrow(OptionError);
      await expect(tokens.issueCode({ user: "\ud800", ...verify })).rejects.toThrow(OptionError);
      await expect(tokens.revokeAll("")).rejects.toThrow(OptionError);
    });
    expect(counts).toEqual({});
  });
});
