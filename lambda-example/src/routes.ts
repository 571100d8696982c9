import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import type { Verdict } from "redis-patterns/limiter";
import { cookie, json, type Visit } from "./http.ts";
import { loadQuote } from "./quotes.ts";
import { recordSale } from "./sales.ts";
import { limiter, locks, quotes, sessions } from "./services.ts";

type Result = APIGatewayProxyStructuredResultV2;

/** A quote, loaded once a minute for all visitors. */
export async function quote(product: string): Promise<Result> {
  return json(200, await quoteOf(product));
}

/** A session, for whoever asks: this is an example. Attempts are limited by address. */
export async function login({ address, body, afterwards }: Visit): Promise<Result> {
  const verdict = await limiter.limit(`login:${address}`);
  afterwards(verdict.pending);
  if (!verdict.allowed) return tooMany(verdict);
  const user = body.trim();
  if (user === "" || user.length > 100) return json(400, { error: "The body must be a name" });
  const session = await sessions.create({ user, data: { currency: "EUR" } });
  return cookie(session.token);
}

export async function me({ token }: Visit): Promise<Result> {
  const session = await sessions.read(token);
  return session ? json(200, { user: session.user, ...session.data }) : signedOut();
}

export async function logout({ token }: Visit): Promise<Result> {
  const session = await sessions.read(token);
  await session?.destroy();
  return cookie(null);
}

/** All four patterns: who asks, how often and for what at once, then an order under a lock, one at a time for each user. */
export async function checkout({ address, token, afterwards }: Visit, product: string): Promise<Result> {
  const [session, verdict, quote] = await Promise.all([
    sessions.read(token),
    limiter.limit(`checkout:${address}`),
    quoteOf(product),
  ]);
  afterwards(verdict.pending);
  if (!verdict.allowed) return tooMany(verdict);
  if (!session?.user) return signedOut();
  await using lease = await locks.tryAcquire(`checkout:${session.user}`);
  if (!lease) return json(409, { error: "Your last order is still being placed" });
  const order = { id: crypto.randomUUID(), fence: lease.fence };
  afterwards(recordSale(order.id));
  return json(201, { order, quote, user: session.user });
}

function quoteOf(product: string) {
  return quotes.getOrSet(product, ({ signal }) => loadQuote(product, signal));
}

function signedOut(): Result {
  return json(401, { error: "Sign in first" });
}

function tooMany({ retryAfter }: Verdict): Result {
  return json(429, { error: "Too many requests" }, { "retry-after": String(Math.ceil(retryAfter / 1_000)) });
}
