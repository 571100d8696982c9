// A client that is let in by nobody tries again and again, with longer and longer pauses. Whatever moment a call comes at, it is a mistake
// and no outage: else a limiter would let everybody pass until somebody looks at the password.
import { Redis } from "ioredis";
import { Redis as Redis5 } from "ioredis-5";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { lambda, server as serverPreset } from "../../src/adapters/ioredis/presets.ts";
import { createCache } from "../../src/core/patterns/cache/index.ts";
import { createLimiter, fixedWindow } from "../../src/core/patterns/limiter/index.ts";
import { sleep } from "../../src/core/wait/sleep.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
  const admin = new Redis({ host: server.host, port: server.port });
  await admin.config("SET", "requirepass", "right");
  admin.disconnect();
});
afterAll(() => server.stop());

const clients = [(options: object) => new Redis5(options), (options: object) => new Redis(options)];
const presets = { "no preset": {}, server: serverPreset, lambda } as const;
const rows = (["wrong", undefined] as const).flatMap((password) =>
  Object.entries(presets).flatMap(([name, preset]) =>
    clients.map((connect, i) => ({ name: `ioredis ${5 + i}, ${name}`, password, preset, connect })),
  ),
);

it.concurrent.each(rows)("over $name with the password $password", async ({ password, preset, connect }) => {
  const options = { ...preset, port: server.port, host: server.host, ...(password && { password }) };
  const client = connect(options);
  client.on("error", () => {});
  const redis = ioredis(client);
  const limiter = createLimiter(redis, { prefix: "login", algorithm: fixedWindow({ limit: 2, window: 60_000 }) });
  const cache = createCache<string>(redis, { prefix: "page", ttl: 60_000 });
  const codes = new Set<unknown>();
  const tell = (call: Promise<unknown>) =>
    call.then(() => "passed").catch((error: unknown) => Reflect.get(Object(error), "code"));
  const until = performance.now() + 6_000;
  while (performance.now() < until) {
    codes.add(await tell(limiter.limit("ada")));
    codes.add(await tell(cache.getOrSet("home", () => "loaded")));
    codes.add(await tell(cache.set("home", "v")));
    await sleep(Math.random() * 200);
  }
  client.disconnect();
  expect([...codes]).toEqual([password ? "WRONGPASS" : "NOAUTH"]);
});
