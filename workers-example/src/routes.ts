import type { Verdict } from "redis-patterns/limiter";
import type { Services } from "./services.ts";

/** A quote, loaded once a minute for all visitors. */
export async function quote({ quoteOf }: Services, product: string): Promise<Response> {
  return Response.json(await quoteOf(product));
}

/** A session, for whoever asks: this is an example. Attempts are limited by address. */
export async function login({ request, sessions, limiter, afterwards }: Services): Promise<Response> {
  const verdict = await limiter.limit(`login:${addressOf(request)}`);
  afterwards(verdict.pending);
  if (!verdict.allowed) return tooMany(verdict);
  const user = (await request.text()).trim();
  if (user === "" || user.length > 100) return Response.json({ error: "The body must be a name" }, { status: 400 });
  const session = await sessions.create({ user, data: { currency: "EUR" } });
  return new Response(null, { status: 204, headers: { "set-cookie": cookie(session.token) } });
}

export async function me({ request, sessions }: Services): Promise<Response> {
  const session = await sessions.read(tokenOf(request));
  if (!session) return signedOut();
  return Response.json({ user: session.user, ...session.data });
}

export async function logout({ request, sessions }: Services): Promise<Response> {
  const session = await sessions.read(tokenOf(request));
  await session?.destroy();
  return new Response(null, { status: 204, headers: { "set-cookie": `${cookie("")}; Max-Age=0` } });
}

/** All four patterns in three trips: who asks, how often and for what in one, then the lock and its release. */
export async function checkout({ request, ...services }: Services, product: string): Promise<Response> {
  const [session, verdict, quote] = await Promise.all([
    services.sessions.read(tokenOf(request)),
    services.limiter.limit(`checkout:${addressOf(request)}`),
    services.quoteOf(product),
  ]);
  services.afterwards(verdict.pending);
  if (!verdict.allowed) return tooMany(verdict);
  if (!session?.user) return signedOut();
  // One order at a time for each user: a second click finds the lease taken.
  await using lease = await services.locks.tryAcquire(`checkout:${session.user}`);
  if (!lease) return Response.json({ error: "Your last order is still being placed" }, { status: 409 });
  return Response.json({ order: await placeOrder(lease.fence), quote, user: session.user }, { status: 201 });
}

/** Stands for the database, which refuses a fence that is lower than the last one it saw. */
async function placeOrder(fence: string): Promise<{ fence: string }> {
  await scheduler.wait(5);
  return { fence };
}

export function addressOf(request: Request): string {
  return request.headers.get("cf-connecting-ip") ?? "local";
}

export function tokenOf(request: Request): string | undefined {
  return /(?:^|;\s*)__Host-session=([^;]*)/.exec(request.headers.get("cookie") ?? "")?.[1];
}

function cookie(token: string): string {
  return `__Host-session=${token}; Path=/; Secure; HttpOnly; SameSite=Lax`;
}

export function signedOut(): Response {
  return Response.json({ error: "Sign in first" }, { status: 401 });
}

export function tooMany({ retryAfter }: Verdict): Response {
  const headers = { "retry-after": String(Math.ceil(retryAfter / 1_000)) };
  return Response.json({ error: "Too many requests" }, { status: 429, headers });
}
