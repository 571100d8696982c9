import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { RedisStore } from "connect-redis";
import express from "express";
import session from "express-session";
import { Redis as Ioredis } from "ioredis";
import { createClient } from "redis";
import { ioredis } from "../../src/adapters/ioredis/ioredis.ts";
import { hours, minutes } from "../../src/core/time/duration.ts";
import { createSessionCookies, createSessions, hmacSigner } from "../../src/core/patterns/session/index.ts";

/** A running shop: `GET /` reads the session, `POST /` writes to it. */
export interface Contestant {
  readonly name: string;
  readonly url: string;
  close(): Promise<void>;
}

type Shop = { user?: string; cart?: number };
const secret = "the secret of the bench, of 32 characters or more";

declare module "express-session" {
  interface SessionData {
    user: string;
    cart: number;
  }
}

export async function ours(redisUrl: string): Promise<Contestant> {
  const client = new Ioredis(redisUrl);
  const limits = { idle: minutes(30), absolute: hours(12), signer: hmacSigner([secret]) };
  const cookies = createSessionCookies(createSessions<Shop>(ioredis(client), limits));
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
  return serve("redis-patterns", app, () => client.disconnect());
}

export async function connectRedis(redisUrl: string): Promise<Contestant> {
  const client = createClient({ url: redisUrl });
  await client.connect();
  const store = new RedisStore({ client, ttl: 1_800 });
  const app = express();
  app.use(session({ store, secret, resave: false, saveUninitialized: false }));
  app.use((req, res) => {
    if (req.method === "POST") Object.assign(req.session, { user: "ada", cart: (req.session.cart ?? 0) + 1 });
    res.json({ cart: req.session.cart ?? 0 });
  });
  return serve("express-session + connect-redis", app, () => client.destroy());
}

/** What hono-sessions does with any store: the whole session is read and written back on each request. */
export async function readAndPersist(redisUrl: string): Promise<Contestant> {
  const client = new Ioredis(redisUrl);
  const app = express();
  // oxlint-disable-next-line oxc/no-async-endpoint-handlers -- Express 5 passes a rejection on to its error handler.
  app.use(async (req, res) => {
    const [, known] = /session=([\w-]+)/.exec(req.get("cookie") ?? "") ?? [];
    const id = known ?? crypto.randomUUID();
    const data: Shop = JSON.parse((await client.get(`persist:${id}`)) ?? "{}");
    if (req.method === "POST") Object.assign(data, { user: "ada", cart: (data.cart ?? 0) + 1 });
    await client.set(`persist:${id}`, JSON.stringify(data), "EX", 1_800);
    res.append("Set-Cookie", `session=${id}; HttpOnly; Path=/`);
    res.json({ cart: data.cart ?? 0 });
  });
  return serve("hono-sessions' pattern", app, () => client.disconnect());
}

async function serve(name: string, app: unknown, end: () => void): Promise<Contestant> {
  const server = createServer(app as RequestListener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.closeAllConnections();
    server.close();
    end();
  };
  return { name, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
