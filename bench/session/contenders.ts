import express, { type Express, type Request } from "express";
import { Redis as Ioredis } from "ioredis";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { patternsOf, thisCheckout } from "../harness/checkout.ts";
import { rival } from "../harness/contender.ts";
import { serve, type Shop } from "./shop.ts";

interface Data {
  user?: string;
  cart?: number;
}

const secret = "the secret of the bench, of 32 characters or more";

/** This package, of this checkout or another. */
export async function ours(redisUrl: string, checkout = thisCheckout): Promise<Shop> {
  const { ioredis, session } = await patternsOf(checkout);
  const { createSessionCookies, createSessions, hmacSigner } = session;
  const client = new Ioredis(redisUrl);
  const limits = { prefix: "bench", idle: minutes(30), absolute: hours(12), signer: hmacSigner([secret]) };
  const cookies = createSessionCookies(createSessions<Data>(ioredis.ioredis(client), limits));
  const app = express();
  // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Express 5 passes a rejection on to its error handler.
  app.use(async (req, res) => {
    const visit = await cookies.open({
      read: (name) => req.get(name),
      write: (name, value) => void res.append(name, value),
    });
    if (req.method === "POST") await visit.set({ user: "ada", cart: (visit.data.cart ?? 0) + 1 });
    res.json({ cart: visit.data.cart ?? 0 });
  });
  return serve(app, () => client.disconnect());
}

export async function connectRedis(redisUrl: string): Promise<Shop> {
  const { RedisStore } = await rival("connect-redis");
  const { createClient } = await rival("redis");
  const client = createClient({ url: redisUrl });
  await client.connect();
  const { default: session } = await rival("express-session");
  const store = new RedisStore({ client, ttl: 1_800 });
  const app = express();
  app.use(session({ store, secret, resave: false, saveUninitialized: false }));
  app.use((req, res) => {
    const data = sessionOf(req);
    if (req.method === "POST") Object.assign(data, { user: "ada", cart: (data.cart ?? 0) + 1 });
    res.json({ cart: data.cart ?? 0 });
  });
  return serve(app, () => client.destroy());
}

/** What hono-sessions does with any store: the whole session is read and written back on each request. */
export async function readAndPersist(redisUrl: string): Promise<Shop> {
  const client = new Ioredis(redisUrl);
  const app = express();
  // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Express 5 passes a rejection on to its error handler.
  app.use(async (req, res) => {
    const id = idOf(req.get("cookie"));
    const data: Data = JSON.parse((await client.get(`persist:${id}`)) ?? "{}");
    if (req.method === "POST") Object.assign(data, { user: "ada", cart: (data.cart ?? 0) + 1 });
    await client.set(`persist:${id}`, JSON.stringify(data), "EX", 1_800);
    res.append("Set-Cookie", `session=${id}; HttpOnly; Path=/`);
    res.json({ cart: data.cart ?? 0 });
  });
  return serve(app, () => client.disconnect());
}

/** Carts in the memory of the process: what Express itself costs. */
export async function inMemory(): Promise<Shop> {
  const carts = new Map<string, number>();
  const app: Express = express();
  app.use((req, res) => {
    const id = idOf(req.get("cookie"));
    if (req.method === "POST") carts.set(id, (carts.get(id) ?? 0) + 1);
    res.append("Set-Cookie", `session=${id}; HttpOnly; Path=/`);
    res.json({ cart: carts.get(id) ?? 0 });
  });
  return serve(app, () => carts.clear());
}

/** What express-session puts there, whose types are not installed. */
function sessionOf(req: Request): Data {
  return (req as Request & { readonly session: Data }).session;
}

function idOf(cookie = ""): string {
  return /session=([\w-]+)/.exec(cookie)?.[1] ?? crypto.randomUUID();
}
