import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { type GatewayServer, serveGateway } from "../../src/cli/serve.ts";
import { until } from "../fixtures/cache-tools.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { startWorker } from "../support/workerd/bundle.ts";

const src = (path: string) => JSON.stringify(fileURLToPath(new URL(`../../src/${path}`, import.meta.url)));

// One cache for the whole isolate, by how long it waits. The loader asks an origin that answers when the test lets it; `scope` is the request's own `ctx`.
const source = `
  import { rest } from ${src("adapters/rest/rest.ts")};
  import { createCache } from ${src("core/patterns/cache/index.ts")};
  const caches = {};
  let loads = 0;
  let done = 0;
  export default {
    async fetch(request, env, ctx) {
      const { pathname, searchParams } = new URL(request.url);
      const waitTimeout = Number(searchParams.get("patience") ?? 15_000);
      const cache = caches[waitTimeout] ??= createCache(rest({ url: env.url, token: env.token, timeout: 10_000 }), {
        prefix: "worker", ttl: 60_000, timeout: 10_000, waitTimeout, hardTimeout: 20_000, staleWhileRevalidate: 30_000, jitter: 0,
      });
      const id = searchParams.get("id") ?? "k";
      const wait = Number(searchParams.get("wait") ?? 0);
      const load = async ({ signal }) => {
        loads += 1;
        await new Promise((resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
          setTimeout(resolve, wait);
        });
        done += 1;
        return "loaded " + loads;
      };
      if (pathname === "/counts") return Response.json({ loads, done });
      const options = { waitUntil: (work) => ctx.waitUntil(work), scope: ctx };
      if (pathname === "/many") {
        return Response.json(await Promise.all([1, 2, 3, 4, 5].map(() => cache.getOrSet(id, load, options))));
      }
      return Response.json(await cache.getOrSet(id, load, options));
    },
  };`;

describe("the cache of a Worker", () => {
  const token = "the-token-of-the-tests";
  let server: RedisServer;
  let client: Redis;
  let gateway: GatewayServer;
  let worker: Miniflare;
  let warnings = "";

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis({ host: server.host, port: server.port });
    gateway = await serveGateway(ioredis(client), { tokens: [token] });
    worker = await startWorker(source, { bindings: { url: gateway.url, token }, warn: (text) => (warnings += text) });
  }, 30_000);

  afterAll(async () => {
    await worker.dispose();
    await gateway.close(0);
    client.disconnect();
    await server.stop();
  });

  const visit = async (path: string, signal?: AbortSignal) => {
    const response = await worker.dispatchFetch(`http://worker${path}`, signal ? { signal } : {});
    return response.ok ? await response.json() : `${response.status} ${await response.text()}`;
  };

  it("loads once for 20 requests at once, none of which waits for another's promise", async () => {
    const before = (await visit("/counts")) as { loads: number };
    const answers = await Promise.all(Array.from({ length: 20 }, () => visit("/?id=cold&wait=100")));
    expect(new Set(answers).size).toBe(1);
    expect(((await visit("/counts")) as { loads: number }).loads).toBe(before.loads + 1);
  });

  it("shares a load within one request", async () => {
    const before = (await visit("/counts")) as { loads: number };
    const answers = (await visit("/many?id=many&wait=20")) as string[];
    expect(new Set(answers).size).toBe(1);
    expect(((await visit("/counts")) as { loads: number }).loads).toBe(before.loads + 1);
  });

  it("answers a request although the one that was loading for it is cancelled", async () => {
    const gone = new AbortController();
    const before = (await visit("/counts")) as { loads: number; done: number };
    const first = visit("/?id=cancelled&wait=60000", gone.signal).catch(() => "gone");
    await until(async () => ((await visit("/counts")) as { loads: number }).loads > before.loads);
    const second = visit("/?id=cancelled&wait=10&patience=1000");
    gone.abort();
    expect(await first).toBe("gone");
    const start = performance.now();
    expect(await second).toMatch(/^loaded/);
    // It waits for `waitTimeout` at most, then it loads for itself.
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it("refreshes a stale value after the response, by `waitUntil`", async () => {
    const old = await visit("/?id=stale");
    await client.pexpire("cache:worker:{stale}", 29_000);
    expect(await visit("/?id=stale&wait=50")).toBe(old);
    await until(async () => (await client.pttl("cache:worker:{stale}")) > 31_000);
    expect(await visit("/?id=stale")).not.toBe(old);
  });

  it("never crossed from one request into another", () => {
    expect(warnings).not.toMatch(/different request|cross-request|hung|will never/i);
  });
});
