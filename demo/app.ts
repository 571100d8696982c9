import { createCache } from "../src/core/patterns/cache/index.ts";
import { minutes, seconds } from "../src/core/time/duration.ts";
import { createLimiter, slidingWindow } from "../src/core/patterns/limiter/index.ts";
import { createLock } from "../src/core/patterns/lock/index.ts";
import { observe } from "../src/core/port/observe.ts";
import type { Redis } from "../src/core/port/redis.ts";
import { createSessions } from "../src/core/patterns/session/index.ts";
import { sleep } from "../src/core/wait/sleep.ts";
import { createRooms, type Hearing } from "./rooms.ts";
import { structures } from "./structures.ts";

/** What every route answers: the result, and what it cost. */
export interface Answer {
  readonly runtime: string;
  readonly result: unknown;
  /** Trips to Redis that this request made. */
  readonly trips: number;
  /** How long they took together, in milliseconds. */
  readonly duration: number;
}

/**
 * The application: one cached value, one limit, one lock, one session, one of each structure, and a chat room. It knows neither the runtime it runs in nor
 * the transports that it is given, and is the same code in the Worker, the Lambda function and the Node server.
 */
export function createApp(runtime: string, redis: Redis, subscriber: Hearing): (request: Request) => Promise<Response> {
  const rooms = createRooms(subscriber);
  return async (request) => {
    const cost = { trips: 0, duration: 0 };
    const counted = observe(redis, ({ duration }) => {
      cost.trips += 1;
      cost.duration += duration;
    });
    const url = new URL(request.url);
    const name = url.pathname.slice(1);
    const route = routes[name] ?? structureRoute(name) ?? roomRoute(rooms, name);
    if (!route) return new Response("Not found", { status: 404 });
    const result = await route(counted, url.searchParams, redis);
    return Response.json({ runtime, result, ...cost } satisfies Answer);
  };
}

type Route = (redis: Redis, query: URLSearchParams, uncounted: Redis) => Promise<unknown>;

const routes: Readonly<Record<string, Route>> = { value, limit, critical, login, whoami, logout };

/** A route of one structure. Its keys begin with the run and the name of what it keeps, since some routes share one. */
function structureRoute(name: string): Route | undefined {
  const use = structures[name];
  if (!use) return undefined;
  return (redis, query) =>
    use(redis, `demo:${query.get("run")}`, query.get("player") ?? "", query.get("request") ?? "");
}

function roomRoute(rooms: ReturnType<typeof createRooms>, name: string): Route | undefined {
  const use = rooms[name];
  return use && ((redis, query) => use(redis, `demo:${query.get("run")}`, query));
}

/** A value that is expensive to compute; how often that happened is counted in Redis. */
async function value(redis: Redis, query: URLSearchParams, uncounted: Redis): Promise<unknown> {
  const run = query.get("run") ?? "";
  const cache = createCache<{ rate: number }>(redis, { prefix: `demo:${run}:cache`, ttl: minutes(1) });
  return cache.getOrSet("exchange-rate", async () => {
    await touch(uncounted, `demo:${run}:computed`);
    return { rate: 1.08 };
  });
}

async function limit(redis: Redis, query: URLSearchParams): Promise<unknown> {
  const run = query.get("run") ?? "";
  const limiter = createLimiter(redis, {
    prefix: `demo:${run}:limit`,
    algorithm: slidingWindow({ limit: 10, window: seconds(60) }),
  });
  const { allowed, remaining } = await limiter.limit("user-1");
  return { allowed, remaining };
}

/** A critical section that notices if it is not alone. */
async function critical(redis: Redis, query: URLSearchParams, uncounted: Redis): Promise<unknown> {
  const run = query.get("run") ?? "";
  const locks = createLock(redis, { prefix: `demo:${run}:lock`, ttl: seconds(10) });
  return locks.run(
    "invoice:7",
    async ({ fence }) => {
      const inside = await touch(uncounted, `demo:${run}:inside`);
      const turn = await touch(uncounted, `demo:${run}:turn`);
      await sleep(5);
      await touch(uncounted, `demo:${run}:inside`, -1);
      return { fence, inside, turn };
    },
    { wait: seconds(30) },
  );
}

/** Moves a counter of the demo's own, and gives where it stands. */
async function touch(redis: Redis, key: string, by = 1): Promise<number> {
  const [count] = await redis.pipeline([
    ["INCRBY", key, by],
    ["PEXPIRE", key, minutes(5)],
  ]);
  return Number(count);
}

interface Cart {
  cart: string[];
}

function sessionsOf(redis: Redis, query: URLSearchParams) {
  const prefix = `demo:${query.get("run") ?? ""}:session`;
  return createSessions<Cart>(redis, { prefix, idle: minutes(5), absolute: minutes(30) });
}

async function login(redis: Redis, query: URLSearchParams): Promise<unknown> {
  const session = await sessionsOf(redis, query).create({ user: "ada", data: { cart: ["book"] } });
  return { token: session.token };
}

async function whoami(redis: Redis, query: URLSearchParams): Promise<unknown> {
  const session = await sessionsOf(redis, query).read(query.get("token") ?? "");
  return session && { user: session.user, cart: session.data.cart };
}

async function logout(redis: Redis, query: URLSearchParams): Promise<unknown> {
  const session = await sessionsOf(redis, query).read(query.get("token") ?? "");
  await session?.destroy();
  return { destroyed: session !== null };
}
