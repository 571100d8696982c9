import { env } from "cloudflare:workers";
import { rest } from "../../../src/adapters/rest/rest.ts";
import { createCache } from "../../../src/core/patterns/cache/index.ts";
import { createLimiter, slidingWindow } from "../../../src/core/patterns/limiter/index.ts";
import { createLock } from "../../../src/core/patterns/lock/index.ts";
import type { Redis, Reply } from "../../../src/core/port/redis.ts";
import { createSessions } from "../../../src/core/patterns/session/index.ts";

/** An application with one port and one of each pattern for the whole isolate, made before any request. */

const { url, token, prefix } = env as { readonly url: string; readonly token: string; readonly prefix: string };
const redis = rest({ url, token, timeout: 15_000 });
const cache = createCache<string>(redis, { prefix: `${prefix}:cache`, ttl: 60_000, timeout: 15_000 });
const limiter = createLimiter(redis, {
  prefix: `${prefix}:limit`,
  algorithm: slidingWindow({ limit: 1_000, window: 60_000 }),
  timeout: 15_000,
});
const locks = createLock(redis, { prefix: `${prefix}:lock`, ttl: 10_000 });
const sessions = createSessions(redis, { prefix: `${prefix}:session`, idle: 60_000, absolute: 60_000 });

// oxlint-disable-next-line import/no-default-export -- the form of a Worker
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const id = searchParams.get("id") ?? "";
    if (pathname === "/login") return Response.json((await sessions.create({ user: id, data: {} })).token);
    if (pathname === "/echo") return Response.json(await echo(redis, id));
    if (pathname === "/shared") return Response.json(await echo(acrossRequests, id));
    return Response.json(await page(id));
  },
};

/** Several sends at once and one after, all of the request's own key. */
async function echo(redis: Redis, id: string): Promise<Reply> {
  const key = `${prefix}:echo:${id}`;
  const [set, get] = await Promise.all([
    redis.send(["SET", key, `first ${id}`, "PX", 60_000]),
    redis.send(["GET", key]),
    redis.pipeline([["APPEND", key, "!"]]),
  ]);
  return [set, get, await redis.send(["GET", key])];
}

/** What most pages need, started together. */
async function page(token: string) {
  const [session, verdict, cached, lease] = await Promise.all([
    sessions.read(token),
    limiter.limit("visitor"),
    cache.get("page"),
    locks.tryAcquire(`page:${token}`),
  ]);
  return { user: session?.user, allowed: verdict.allowed, cached, held: lease !== null };
}

/** How not to do it: a batch that waits for a timer, and so collects what several requests send. */
const waiting: { readonly args: Parameters<Redis["send"]>; readonly settle: (reply: Promise<Reply>) => void }[] = [];
const acrossRequests: Redis = {
  ...redis,
  send: (...args) =>
    new Promise((settle) => {
      if (waiting.push({ args, settle }) > 1) return;
      setTimeout(() => {
        for (const { args, settle } of waiting.splice(0)) settle(redis.send(...args));
      }, 5);
    }),
};
