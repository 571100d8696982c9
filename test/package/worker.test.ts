import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { root } from "./packed.ts";

/** Each request asks the Redis in memory that the Worker made when it started. */
const program = `
import { createLimiter, createLock, minutes, slidingLog } from "redis-patterns";
import { memory } from "redis-patterns/memory";
import { withFaults } from "redis-patterns/testing";

const redis = withFaults(memory());
const limiter = createLimiter(redis, { prefix: "api", algorithm: slidingLog({ limit: 2, window: minutes(1) }) });
const locks = createLock(redis, { prefix: "job", ttl: minutes(1) });

export default {
  async fetch() {
    const { allowed } = await limiter.limit("ada");
    redis.loseReply();
    const lease = await locks.acquire("7", { wait: 1000 });
    const other = await locks.tryAcquire("7");
    const heard = [];
    const stop = await redis.subscribe("news", (message) => heard.push(message));
    await redis.send(["PUBLISH", "news", "hello"]);
    const waiting = redis.send(["BLPOP", "queue", 1]);
    await redis.send(["RPUSH", "queue", "x"]);
    return Response.json([allowed, other, await lease.release(), await waiting, heard, await stop()]);
  },
  async scheduled() {
    redis.advance(minutes(1));
  },
};
`;

describe("the Redis in memory in a Worker, with the flag nodejs_compat", () => {
  let worker: Miniflare;
  beforeAll(async () => {
    const { outputFiles } = await build({
      stdin: { contents: program, resolveDir: root },
      bundle: true,
      write: false,
      format: "esm",
      target: "es2022",
      conditions: ["workerd", "worker", "browser"],
      external: ["*.wasm", "node:*", "crypto", "net", "stream"],
    });
    worker = new Miniflare({
      modules: [
        { type: "ESModule", path: "worker.mjs", contents: outputFiles[0]?.text ?? "" },
        { type: "CompiledWasm", path: "redis_lua.wasm", contents: readFileSync(join(root, "dist/redis_lua.wasm")) },
      ],
      compatibilityDate: "2026-01-01",
      compatibilityFlags: ["nodejs_compat"],
    });
  });
  afterAll(() => worker.dispose());

  it("serves the patterns, request after request", async () => {
    const answers = [];
    for (let i = 0; i < 3; i += 1) answers.push(await (await worker.dispatchFetch("http://worker/")).json());
    const rest = [null, true, ["queue", "x"], ["hello"], null];
    expect(answers).toEqual([
      [true, ...rest],
      [true, ...rest],
      [false, ...rest],
    ]);
  });
});
