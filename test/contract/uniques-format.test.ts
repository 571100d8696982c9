import { expect, it } from "vitest";
import {
  approximate,
  type CountKind,
  type CountName,
  createUniques,
  daily,
  exact,
  hasMember,
  hybrid,
  removeMember,
  saltedHash,
  type UniquesOptions,
  weekly,
} from "../../src/core/patterns/uniques/index.ts";
import type { Redis } from "../../src/core/port/redis.ts";
import { integer, text, texts } from "../../src/core/port/reply.ts";
import { days } from "../../src/core/time/duration.ts";
import { restore } from "../fixtures/restore.ts";
import v1 from "../fixtures/uniques-v1.json" with { type: "json" };
import { onEveryBackend } from "../support/backends.ts";

// The fixture was written by the release that first had the format, and is never written again. A HyperLogLog is in Redis' own format: the
// fixture names its members.
onEveryBackend("uniques of the first format", (backend) => {
  const at = Date.parse("2026-11-27T12:00:00Z");
  const hash = saltedHash({ salt: "s".repeat(32) });
  const opener =
    (redis: Redis, prefix: string) =>
    <Name extends CountName>(count: CountKind<Name>, options: Partial<UniquesOptions> = {}) =>
      createUniques(redis, { prefix, ttl: "permanent", ...options, count });

  it("are read and added to", async () => {
    const redis = await backend.connect();
    const prefix = `${backend.prefix}:permanent:read`;
    await restore(redis, v1.keys, "uniques-v1", prefix);
    const open = opener(redis, prefix);
    for (const kind of [exact(), approximate(), hybrid()]) {
      expect(await open(kind).count("tags")).toMatchObject({ count: 3 });
      expect(await open(kind).add("tags", ["lua", "redis", "ü€😀"])).toMatchObject({ added: 0 });
    }
    expect(await open(hybrid()).count("large")).toMatchObject({ count: 4, exact: false });
    expect(await open(hybrid()).add("large", ["a", "b", "c", "d"])).toEqual({ added: 0, exact: false });
    expect(await hasMember(open(exact(), { hash }), "hashed", "ada@example.org")).toBe(true);
    const visitors = open(exact(), { period: daily() });
    expect(await visitors.count("home", { at })).toMatchObject({ count: 2 });
    expect(await visitors.count("home", { at, last: days(2) })).toMatchObject({ count: 3, exact: true });
    expect(await visitors.count("home", { at, last: days(7) })).toMatchObject({ count: 3, exact: true });
    const weeks = open(approximate(), { period: weekly() });
    expect(await weeks.add("home", ["ada", "eve"], { at })).toEqual({ added: 0, exact: false });
    const berlin = open(exact(), { period: daily({ timeZone: "Europe/Berlin" }) });
    expect(await hasMember(berlin, "home", "ada", { at })).toBe(true);
    expect(await open(exact()).add("tags", ["redis", "ü€😀", "lua"], { requestId: "r{1}" })).toEqual({
      added: 3,
      exact: true,
    });
    expect(await removeMember(open(exact()), "tags", "none", { requestId: "r2" })).toBe(false);
  });

  it("are written to the byte as they were", async () => {
    const redis = await backend.connect();
    const prefix = `${backend.prefix}:permanent:write`;
    const open = opener(redis, prefix);
    const tags = ["redis", "ü€😀", "lua"];
    await open(exact()).add("tags", tags, { requestId: "r{1}" });
    await removeMember(open(exact()), "tags", "none", { requestId: "r2" });
    await open(approximate()).add("tags", tags);
    await open(hybrid()).add("tags", tags);
    await open(hybrid({ exactUntil: 3 })).add("large", ["a", "b", "c", "d"]);
    await open(exact(), { hash }).add("hashed", "ada@example.org");
    const visitors = open(exact(), { period: daily() });
    await visitors.add("home", ["ada", "eve"], { at });
    await visitors.add("home", ["ada", "bob"], { at: at - days(1) });
    await visitors.count("home", { at, last: days(7) });
    await open(approximate(), { period: weekly() }).add("home", ["ada", "eve"], { at });
    await open(exact(), { period: daily({ timeZone: "Europe/Berlin" }) }).add("home", "ada", { at });
    const keys = (await backend.keys()).filter((key) => key.includes(`:${prefix}:`) && !key.includes(":once:"));
    const found: [string, unknown][] = [];
    for (const key of keys) found.push([key.replace(prefix, "uniques-v1"), await stored(redis, key)]);
    const expected = Object.entries(v1.keys).map(([key, held]) => [key, "PFADD" in held ? "an estimate" : held]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(expected));
  });
});

/** What a key holds, as the fixture writes it down. */
async function stored(redis: Redis, key: string) {
  if (/\}:(hll|many)1/.test(key)) {
    expect(integer(await redis.send(["PFCOUNT", key]))).toBeGreaterThan(0);
    return "an estimate";
  }
  if (/\}:(request|merged):/.test(key)) return { SET: [text(await redis.send(["GET", key]))] };
  return { SADD: texts(await redis.send(["SMEMBERS", key])).toSorted() };
}
