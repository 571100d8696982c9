import { beforeAll, expect, it } from "vitest";
import { createPresence, polling, type Transition } from "../../src/core/patterns/presence/index.ts";
import type { Arg, Redis } from "../../src/core/port/redis.ts";
import { listOf, text, texts } from "../../src/core/port/reply.ts";
import { days, minutes } from "../../src/core/time/duration.ts";
import presenceV1 from "../fixtures/presence-v1.json" with { type: "json" };
import { onEveryBackend } from "../support/backends.ts";

type Stored = Readonly<Record<string, readonly (readonly [string, ...Arg[]])[]>>;

// The fixture was written by the release that first had the format, and is never written again. Its visits end in the year 2100.
onEveryBackend("a room of the first format", (backend) => {
  let redis: Redis;
  beforeAll(async () => {
    redis = await backend.connect();
  });

  it("is read, extended and left", async () => {
    const prefix = `${backend.prefix}:read`;
    for (const [name, commands] of Object.entries(presenceV1.keys as unknown as Stored)) {
      const key = name.replace(":presence-v1:", `:${prefix}:`);
      for (const [command, ...args] of commands) await redis.send([command, key, ...args]);
      await redis.send(["PEXPIRE", key, 60_000]);
    }
    const subscriber = polling({ every: minutes(1) });
    const online = createPresence(redis, { prefix, ttl: minutes(1), keep: { age: days(365 * 10) }, subscriber });
    expect(await online.list("room")).toEqual(presenceV1.list);
    const heard: Transition<unknown>[] = [];
    await using _ = await online.subscribe("room", (transition) => heard.push(transition), { from: "beginning" });
    expect(heard).toEqual(presenceV1.transitions);
    // The requests are remembered, and the visits go on.
    expect((await online.join("room", "ü€😀", { requestId: "r" })).id).toBe("v3");
    expect(await online.resume("room", "eve", "v4").leave()).toBe(true);
    await expect(online.resume("room", "eve", "v4").extend()).rejects.toMatchObject({ code: "OPTION" });
    expect(await online.resume("room", "ada", "v1").extend()).toEqual({ rejoined: false });
    expect(await online.resume("room", "ada", "v2").leave()).toBe(true);
    expect(await online.get("room", "ada")).toEqual({ ...presenceV1.list.members[0], visits: 1 });
    expect(await online.resume("room", "ada", "v1").leave()).toBe(true);
    expect(await online.get("room", "ada")).toBeNull();
  });

  it("is written to the byte as it was", async () => {
    const prefix = `${backend.prefix}:write`;
    const online = createPresence(redis, { prefix, ttl: minutes(1) });
    const { data } = presenceV1.list.members[0] ?? {};
    await online.resume("room", "ada", "v1", { data }).extend();
    await online.resume("room", "ada", "v2").extend();
    await online.resume("room", "eve", "v4").extend();
    await online.resume("room", "eve", "v4").leave();
    const { id } = await online.join("room", "ü€😀", { requestId: "r" });
    const own = (await backend.keys()).filter((key) => key.includes(prefix) && !key.includes(":once:"));
    const written = await Promise.all(
      own.map(async (key) => [key.replace(prefix, "presence-v1"), await stored(redis, key)]),
    );
    const json = JSON.stringify(Object.fromEntries(written)).replaceAll(id, "v3");
    expect(withoutClock(json)).toEqual(withoutClock(JSON.stringify(presenceV1.keys)));
  });
});

/** What a key holds, as the fixture writes it down. */
async function stored(redis: Redis, key: string): Promise<string[][]> {
  const type = text(await redis.send(["TYPE", key]));
  if (type === "string") return [["SET", text(await redis.send(["GET", key]))]];
  if (type === "hash") return fieldsOf(texts(await redis.send(["HGETALL", key]))).map((pair) => ["HSET", ...pair]);
  if (type === "zset") {
    const pairs = fieldsOf(texts(await redis.send(["ZRANGE", key, 0, -1, "WITHSCORES"])));
    return pairs.map(([member = "", score = ""]) => ["ZADD", score, member]);
  }
  return listOf((entry) => {
    const [id = null, fields = null] = Array.isArray(entry) ? entry : [];
    return ["XADD", text(id), ...texts(fields)];
  })(await redis.send(["XRANGE", key, "-", "+"]));
}

function fieldsOf(list: readonly string[]): string[][] {
  return list.flatMap((name, i) => (i % 2 === 0 ? [[name, list[i + 1] ?? ""]] : []));
}

/** The keys in order, without the times: those of visits may be equal, so their order says nothing. */
function withoutClock(json: string): unknown {
  const keys: Record<string, string[][]> = JSON.parse(
    json.replaceAll(/\d{13}-\d+/g, "id").replaceAll(/\d{16}|\d{13}/g, "time"),
  );
  const sorted = (commands: string[][]) => commands.toSorted((one, other) => (one.join() < other.join() ? -1 : 1));
  return Object.fromEntries(
    Object.entries(keys).map(([key, commands]) => [key, key.endsWith(":log") ? commands : sorted(commands)]),
  );
}
