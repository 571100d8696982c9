import { createLock, seconds } from "redis-patterns";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RunningWorker, startWorker } from "./start-worker.ts";

let worker: RunningWorker;

beforeAll(async () => {
  worker = await startWorker();
});
afterAll(() => worker.stop());

async function signIn(user: string): Promise<string> {
  const reply = await worker.fetch("/login", { method: "POST", body: user });
  return cookieOf(reply);
}

function cookieOf(reply: Response): string {
  return reply.headers.get("set-cookie")?.split(";")[0] ?? "";
}

describe("quotes", () => {
  it("loads one for all visitors", async () => {
    // Connections and scripts are there, as they are in a Worker in use.
    await worker.fetch("/quotes/warm");
    const replies = await Promise.all(Array.from({ length: 20 }, () => worker.fetch("/quotes/lamp")));
    const quotes = await Promise.all(replies.map((reply) => reply.json()));
    expect(quotes[0]).toMatchObject({ product: "lamp", price: 400 });
    expect(new Set(quotes.map((quote) => JSON.stringify(quote))).size).toBe(1);
  });
});

describe("sessions", () => {
  it("keeps a visitor until the logout, and nowhere after it", async () => {
    const cookie = await signIn("ada");
    expect(await (await worker.fetch("/me", { cookie })).json()).toEqual({ user: "ada", currency: "EUR" });
    const reply = await worker.fetch("/logout", { method: "POST", cookie });
    expect(reply.headers.get("set-cookie")).toContain("Max-Age=0");
    expect((await worker.fetch("/me", { cookie })).status).toBe(401);
  });

  it("sends the cookie to this host, over TLS and out of scripts' reach", async () => {
    const reply = await worker.fetch("/login", { method: "POST", body: "ada" });
    expect(reply.headers.get("set-cookie")).toMatch(
      /^__Host-session=[\w.-]{40,}; Path=\/; Secure; HttpOnly; SameSite=Lax$/,
    );
  });

  it.each(["", "x".repeat(101)])("creates none for the name %j", async (body) => {
    expect((await worker.fetch("/login", { method: "POST", body })).status).toBe(400);
  });

  it.each(["forged", "a;b", "%00"])("takes the cookie %j for no session", async (value) => {
    expect((await worker.fetch("/me", { cookie: `__Host-session=${value}` })).status).toBe(401);
  });
});

describe("limits", () => {
  it("lets an address try ten times a minute, however many requests run at once", async () => {
    const replies = await Promise.all(
      Array.from({ length: 30 }, () => worker.fetch("/login", { method: "POST", body: "eve", from: "203.0.113.9" })),
    );
    expect(replies.filter(({ status }) => status === 204)).toHaveLength(10);
    const refused = replies.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(20);
    expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThan(0);
  });
});

describe("checkout", () => {
  it("places an order under a rising fence", async () => {
    const cookie = await signIn("grace");
    const fences: string[] = [];
    for (let i = 0; i < 3; i += 1) {
      const reply = await worker.fetch("/checkout/lamp", { method: "POST", cookie });
      expect(reply.status).toBe(201);
      fences.push(((await reply.json()) as { order: { fence: string } }).order.fence);
    }
    expect(fences.toSorted((a, b) => Number(BigInt(a) - BigInt(b)))).toEqual(fences);
    expect(new Set(fences).size).toBe(3);
  });

  it("refuses a second order while the first is being placed", async () => {
    const cookie = await signIn("alan");
    const elsewhere = createLock(worker.redis, { prefix: "shop:lock", ttl: seconds(10) });
    const lease = await elsewhere.acquire("checkout:alan");
    expect((await worker.fetch("/checkout/lamp", { method: "POST", cookie })).status).toBe(409);
    await lease.release();
    expect((await worker.fetch("/checkout/lamp", { method: "POST", cookie })).status).toBe(201);
  });

  it("is for signed-in visitors", async () => {
    expect((await worker.fetch("/checkout/lamp", { method: "POST" })).status).toBe(401);
  });

  it("uses all four patterns in three requests to Redis", async () => {
    const cookie = await signIn("edsger");
    const order = () => worker.fetch("/checkout/desk", { method: "POST", cookie });
    await order();
    expect(await worker.requests(order)).toBe(3);
  });

  it("sends each script's text along once, in six requests, after Redis has forgotten its scripts", async () => {
    const cookie = await signIn("tony");
    const order = () => worker.fetch("/checkout/desk", { method: "POST", cookie });
    await order();
    await worker.redis.send(["SCRIPT", "FLUSH"]);
    expect(await worker.requests(order)).toBe(6);
    expect(await worker.requests(order)).toBe(3);
  });

  it("shows each trip in that count: a login is a limit and then a session", async () => {
    const login = () => worker.fetch("/login", { method: "POST", body: "donald" });
    await login();
    expect(await worker.requests(login)).toBe(2);
  });
});

it("says 404 to what it does not know", async () => {
  expect((await worker.fetch("/elsewhere")).status).toBe(404);
  expect((await worker.fetch("/login")).status).toBe(404);
});

describe("without Redis", () => {
  it("quotes all the same, and answers 503 where an answer would be a guess", async () => {
    const cookie = await signIn("barbara");
    worker.server.pause();
    try {
      const started = performance.now();
      const [quote, me] = await Promise.all([worker.fetch("/quotes/chair"), worker.fetch("/me", { cookie })]);
      expect(quote.status).toBe(200);
      expect(me.status).toBe(503);
      expect(performance.now() - started).toBeLessThan(5_000);
    } finally {
      worker.server.resume();
    }
    await expect.poll(async () => (await worker.fetch("/me", { cookie })).status, { timeout: 10_000 }).toBe(200);
  });
});
