import { expect, it } from "vitest";
import { integer, text } from "../../src/core/reply.ts";
import { defineScript } from "../../src/core/script.ts";
import { onEveryBackend } from "../support/backends.ts";

onEveryBackend("the port", (backend) => {
  it("sends a command and gives its reply", async () => {
    const redis = await backend.connect();
    expect(await redis.send(["SET", `${backend.prefix}:a`, "ü", "PX", 60_000])).toBe("OK");
    expect(await redis.send(["GET", `${backend.prefix}:a`])).toBe("ü");
  });

  it("runs a script by its digest, and by its text where the server has lost it", async () => {
    const redis = await backend.connect();
    const script = defineScript({
      keys: ["key"],
      args: ["by", "...rest"],
      decode: integer,
      lua: `redis.call("INCRBY", key, by) redis.call("PEXPIRE", key, 60000) return #rest`,
    });
    const values = { key: `${backend.prefix}:n`, by: 2, rest: ["x", "y"] };
    expect(await script(redis, values)).toBe(2);
    await Promise.all(backend.servers.map((server) => server.send(["SCRIPT", "FLUSH"])));
    expect(await script(redis, values)).toBe(2);
    expect(text(await redis.send(["GET", values.key]))).toBe("4");
    const counts = await backend.count(() => script(redis, values));
    expect(counts).toEqual({ evalsha: 1, incrby: 1, pexpire: 1 });
  });
});
