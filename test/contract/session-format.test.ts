import { expect, it } from "vitest";
import { days, hours, minutes } from "../../src/core/time/duration.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { texts } from "../../src/core/port/reply.ts";
import { createSessions, listSessions } from "../../src/core/patterns/session/index.ts";
import { createTokens } from "../../src/core/patterns/token/index.ts";
import { restore } from "../fixtures/restore.ts";
import sessionsV1 from "../fixtures/session-v1.json" with { type: "json" };
import tokensV1 from "../fixtures/token-v1.json" with { type: "json" };
import { onEveryBackend } from "../support/backends.ts";

// The fixtures were written by the release that first had the format, and are never written again. Their sessions end in 2226.
onEveryBackend(
  "sessions and tokens of the first format",
  (backend) => {
    it("are read, written and ended", async () => {
      const redis = await backend.connect();
      const prefix = `${backend.prefix}:read`;
      await restore(redis, sessionsV1.keys, "session-v1", prefix);
      const sessions = createSessions(redis, { prefix, idle: minutes(30), absolute: hours(12) });
      const { known, rotated, anonymous, revoked, destroyed } = sessionsV1.tokens;
      const ada = await sessions.read(known);
      expect(ada).toMatchObject({ user: "ada", ip: "192.0.2.7", userAgent: "Browser/1.0" });
      expect(ada?.data).toEqual({
        cart: ["book", "ü€😀"],
        deep: { a: [1, 2.5, false] },
        theme: "dark",
        "two\nlines": 1,
      });
      expect((await sessions.read(rotated))?.data).toEqual({ step: 1 });
      expect(await sessions.read(anonymous)).toMatchObject({ user: null, data: { cart: [] } });
      expect([await sessions.read(revoked), await sessions.read(destroyed)]).toEqual([null, null]);
      await ada?.set({ theme: "light" });
      expect((await sessions.read(known))?.data).toMatchObject({ theme: "light" });
      await ada?.destroy();
      expect(await sessions.read(known)).toBeNull();
    });

    it("are listed and revoked by their user", async () => {
      // The user's tag is a hash of the prefix too, so this one must be the fixture's own.
      const redis = await backend.connect();
      const prefix = "session-v1";
      await restore(redis, sessionsV1.keys, prefix, prefix);
      const sessions = createSessions(redis, { prefix, idle: minutes(30), absolute: hours(12) });
      expect(await listSessions(sessions, "ada")).toHaveLength(2);
      await sessions.revokeAll("ada");
      expect(await sessions.read(sessionsV1.tokens.known)).toBeNull();
      expect(await listSessions(sessions, "ada")).toEqual([]);
    });

    it("are written as the first release wrote them", async () => {
      const redis = await backend.connect();
      const prefix = `${backend.prefix}:write`;
      const sessions = createSessions(redis, { prefix, idle: days(73_000), absolute: days(73_000) });
      const data = { cart: ["book", "ü€😀"], deep: { a: [1, 2.5, false] }, "two\nlines": 1 };
      const known = await sessions.create({ user: "ada", data, ip: "192.0.2.7", userAgent: "Browser/1.0" });
      await known.set({ theme: "dark" });
      const rotated = await sessions.create({ user: "ada", data: { step: 1 } });
      await rotated.rotate();
      await (await sessions.create({ user: "ada", data: {} })).destroy();
      await sessions.create({ data: { cart: [] } });
      await sessions.create({ user: "bob", data: { x: 1 } });
      await sessions.revokeAll("bob");
      const keys = (await backend.keys()).filter((key) => key.startsWith(`session:${prefix}:`));
      const written = await Promise.all(keys.map(async (key) => [key, await stored(redis, key)] as const));
      expect(shapes(written, prefix)).toEqual(shapes(Object.entries(sessionsV1.keys), "session-v1"));
    });

    it("are consumed once, if they were not before", async () => {
      const redis = await backend.connect();
      await restore(redis, tokensV1.keys, "token-v1", "token-v1");
      const tokens = createTokens(redis, { prefix: "token-v1", ttl: minutes(10) });
      const verify = { purpose: "verify-email" };
      expect(await tokens.consume(tokensV1.link, verify)).toEqual({ user: "ada", data: { email: "ada@example.org" } });
      expect(await tokens.consume(tokensV1.link, verify)).toBeNull();
      expect(await tokens.consume(tokensV1.used, verify)).toBeNull();
      const claim = { user: "ada", purpose: "login", code: tokensV1.code };
      expect(await tokens.consumeCode(claim)).toMatchObject({ accepted: true });
      expect(await tokens.consumeCode(claim)).toMatchObject({ accepted: false });
    });
  },
  ["~*:session-v1:*", "~*:token-v1:*"],
);

/** What a key holds, as the fixture writes it down. */
async function stored(redis: Redis, key: string): Promise<Record<string, string[]>> {
  if (!key.includes(":l1:")) return { HSET: texts(await redis.send(["HGETALL", key])) };
  const pairs = texts(await redis.send(["ZRANGE", key, 0, -1, "WITHSCORES"]));
  return { ZADD: pairs.flatMap((text, i) => (i % 2 === 0 ? [pairs[i + 1] ?? "", text] : [])) };
}

/** Keys and what they hold, where of random text, digests and instants only the length remains. */
function shapes(entries: readonly (readonly [string, Record<string, string[]>])[], prefix: string): string[] {
  const shape = (text: string) =>
    text.replaceAll(/[\w-]+/g, (word) => ([8, 12, 13, 16, 24, 43].includes(word.length) ? `<${word.length}>` : word));
  const lines = entries.map(([key, { HSET, ZADD }]) => {
    const place = key.replace(prefix, "").replace(/\d+/, "");
    const pairs = (HSET ?? ZADD ?? []).map(shape);
    return `${shape(place)} ${JSON.stringify(HSET ? byName(pairs) : pairs)}`;
  });
  return [...new Set(lines)].sort();
}

function byName(list: readonly string[]): string[] {
  return list.flatMap((name, i) => (i % 2 === 0 ? [`${name} = ${list[i + 1]}`] : [])).sort();
}
