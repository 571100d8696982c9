import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { Redis } from "ioredis";
import type { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { createGateway } from "../../src/gateway/index.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { startWorker } from "../support/workerd/bundle.ts";

describe("one rest port for a whole Worker", () => {
  const token = "the-token-of-the-tests";
  const shop = `export { default } from ${JSON.stringify(fileURLToPath(new URL("../support/workerd/shop.ts", import.meta.url)))};`;
  let server: RedisServer;
  let client: Redis;
  let front: Server;
  let url = "";
  let requests = 0;
  let warnings = "";

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis({ host: server.host, port: server.port });
    const gateway = createGateway(ioredis(client, { timeout: 15_000 }), { tokens: [token] });
    const listener = getRequestListener((request) => {
      requests += 1;
      return gateway(request);
    });
    front = createServer((request, response) => void listener(request, response)).listen(0, "127.0.0.1");
    await once(front, "listening");
    const address = front.address();
    url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
  }, 30_000);

  afterAll(async () => {
    front.close();
    front.closeAllConnections();
    client.disconnect();
    await server.stop();
  });

  const visit = async (worker: Miniflare, path: string): Promise<unknown> => {
    const response = await worker.dispatchFetch(`http://worker${path}`);
    return response.ok ? await response.json() : `${response.status} ${await response.text()}`;
  };

  /** How many requests to Redis `work` made. */
  const counted = async (work: () => Promise<unknown>): Promise<number> => {
    const before = requests;
    await work();
    return requests - before;
  };

  const withWorker = async (work: (worker: Miniflare) => Promise<void>): Promise<void> => {
    warnings = "";
    const worker = await startWorker(shop, {
      bindings: { url, token, prefix: crypto.randomUUID() },
      warn: (text) => (warnings += text),
    });
    try {
      await work(worker);
    } finally {
      await worker.dispose();
    }
  };

  const crowd = (worker: Miniflare, path: string) =>
    Promise.all(Array.from({ length: 100 }, (_, id) => visit(worker, `${path}?id=${id}`)));

  const echoes = Array.from({ length: 100 }, (_, id) => ["OK", `first ${id}`, `first ${id}!`]);

  it("answers each of 100 concurrent requests with its own replies, in two requests to Redis each", async () => {
    await withWorker(async (worker) => {
      const cost = await counted(async () => expect(await crowd(worker, "/echo")).toEqual(echoes));
      expect(cost).toBe(200);
    });
    expect(warnings).toBe("");
  });

  it("would not, if a batch could hold the commands of several requests", async () => {
    await withWorker(async (worker) => {
      const shared = () => crowd(worker, "/shared").catch((error: unknown) => error);
      expect(await shared()).not.toEqual(echoes);
      // The runtime warns of it where the request that waited had been cancelled before its reply came.
      const warned = async () => {
        if (!warnings) await shared();
        return warnings;
      };
      await expect.poll(warned, { timeout: 20_000 }).toContain("different request context");
    });
  });

  it("sends what four patterns need as one request, two while the scripts are not loaded", async () => {
    await withWorker(async (worker) => {
      const session = String(await visit(worker, "/login?id=ann"));
      await client.script("FLUSH");
      const page = () => visit(worker, `/page?id=${session}`);
      const cold = await counted(async () => expect(await page()).toEqual({ user: "ann", allowed: true, held: true }));
      expect(cold).toBe(2);
      const warm = await counted(async () => expect(await page()).toEqual({ user: "ann", allowed: true, held: false }));
      expect(warm).toBe(1);
    });
  });
});
