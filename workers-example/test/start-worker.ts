import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Redis as Client } from "ioredis";
import { Miniflare } from "miniflare";
import type { Redis } from "redis-patterns";
import { ioredis, ioredisSubscriber } from "redis-patterns/ioredis";
import { type RedisServer, startRedis } from "../../test/support/redis-server.ts";
import { serveGateway } from "./serve-gateway.ts";

const example = fileURLToPath(new URL("../", import.meta.url));
const token = "a-token-for-tests-only-0123456789";

/** The Worker in workerd, as wrangler bundles it, in front of a gateway and a redis-server. */
export interface RunningWorker {
  readonly url: URL;
  /** Sends a request to the Worker, from an address of its own if none is named. */
  fetch(path: string, init?: { method?: string; body?: string; cookie?: string; from?: string }): Promise<Response>;
  /** How many HTTP requests reached the gateway while `work` ran. */
  requests(work: () => Promise<unknown>): Promise<number>;
  /** A port straight to the server. */
  readonly redis: Redis;
  readonly server: RedisServer;
  stop(): Promise<void>;
}

export async function startWorker(): Promise<RunningWorker> {
  const server = await startRedis();
  const client = new Client({ host: server.host, port: server.port });
  client.on("error", () => {});
  const redis = ioredis(client);
  const listening = client.duplicate();
  listening.on("error", () => {});
  const gateway = await serveGateway(redis, token, ioredisSubscriber(listening));
  const worker = new Miniflare({
    modules: [{ type: "ESModule", path: "index.js", contents: bundle() }],
    compatibilityDate: "2026-07-01",
    compatibilityFlags: ["enable_request_signal"],
    bindings: { UPSTASH_REDIS_REST_URL: gateway.url, UPSTASH_REDIS_REST_TOKEN: token },
  });
  const url = await worker.ready;
  let visitors = 0;
  return {
    url,
    redis,
    server,
    fetch: (path, { cookie, from = `visitor-${(visitors += 1)}`, ...init } = {}) =>
      fetch(new URL(path, url), {
        ...init,
        headers: { "cf-connecting-ip": from, ...(cookie ? { cookie } : {}) },
      }),
    async requests(work) {
      const before = gateway.requests();
      await work();
      return gateway.requests() - before;
    },
    async stop() {
      await worker.dispose();
      gateway.close();
      client.disconnect();
      listening.disconnect();
      await server.stop();
    },
  };
}

/** The module that wrangler would deploy. */
function bundle(): string {
  const folder = mkdtempSync(join(tmpdir(), "redis-patterns-worker-"));
  try {
    const { status, stdout, stderr } = spawnSync("wrangler", ["deploy", "--dry-run", "--outdir", folder], {
      cwd: example,
      encoding: "utf8",
      env: { ...process.env, WRANGLER_SEND_METRICS: "false" },
    });
    if (status !== 0) throw new Error(`wrangler deploy --dry-run failed:\n${stdout}${stderr}`);
    return readFileSync(join(folder, "index.js"), "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}
