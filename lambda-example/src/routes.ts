import type { APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import type { Verdict } from "redis-patterns/limiter";
import { done, json, type Visit } from "./http.ts";
import { loadQuote } from "./quotes.ts";
import { recordSale } from "./sales.ts";
import { limiter, locks, quotes, visitors } from "./services.ts";

type Result = APIGatewayProxyStructuredResultV2;

/** A quote, loaded once a minute for all visitors. */
export async function quote(product: string): Promise<Result> {
  return json(200, await quoteOf(product));
}

/** A session, for whoever asks: this is an example. Attempts are limited by address. */
export async function login({ address, body, jar, afterwards }: Visit): Promise<Result> {
  const verdict = await limiter.limit(`login:${address}`);
  afterwards(verdict.pending);
  if (!verdict.allowed) return tooMany(verdict);
  const user = body.trim();
  if (user === "" || user.length > 100) return json(400, { error: "The body must be a name" });
  const visitor = await visitors.open(jar);
  await visitor.login(user, { data: { currency: "EUR" } });
  return done();
}

export async function me({ jar }: Visit): Promise<Result> {
  const { user, data } = await visitors.open(jar);
  return user === null ? signedOut() : json(200, { user, ...data });
}

export async function logout({ jar }: Visit): Promise<Result> {
  const visitor = await visitors.open(jar);
  await visitor.logout();
  return done();
}

/** All four patterns: who asks, how often and for what at once, then an order under a lock, one at a time for each user. */
export async function checkout({ address, jar, afterwards }: Visit, product: string): Promise<Result> {
  const [{ user }, verdict, quote] = await Promise.all([
    visitors.open(jar),
    limiter.limit(`checkout:${address}`),
    quoteOf(product),
  ]);
  afterwards(verdict.pending);
  if (!verdict.allowed) return tooMany(verdict);
  if (user === null) return signedOut();
  await using lease = await locks.tryAcquire(`checkout:${user}`);
  if (!lease) return json(409, { error: "Your last order is still being placed" });
  const order = { id: crypto.randomUUID(), fence: lease.fence };
  afterwards(recordSale(order.id));
  return json(201, { order, quote, user });
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
