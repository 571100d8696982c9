import { describe, expect, it, vi } from "vitest";
import { rest } from "../../src/adapters/rest/index.ts";
import { OptionError } from "../../src/core/errors.ts";
import {
  blockedIds,
  clientIp,
  createLimiter,
  fixedWindow,
  gcra,
  localLimit,
  type LimiterOutage,
  toHeaders,
  toProblem,
  toResponse,
  type Verdict,
} from "../../src/core/patterns/limiter/index.ts";
import { shortId } from "../../src/core/patterns/limiter/decide.ts";
import { createVerdict } from "../../src/core/patterns/limiter/verdict.ts";

const minute = fixedWindow({ limit: 100, window: 60_000, name: 'a "b"' });
const day = fixedWindow({ limit: 1_000, window: 86_400_000, name: "day" });

describe("the id of a call", () => {
  // A shorter one could be found inside of another, and its call would then take nothing.
  it.each([0, 0.5, 1 - Number.EPSILON / 2])("always has seven characters, also for the random number %d", (random) => {
    vi.spyOn(Math, "random").mockReturnValueOnce(random);
    expect(shortId()).toMatch(/^;[\da-z]{6}$/);
  });
});

describe("toHeaders", () => {
  it("lists every policy, and Retry-After for a refusal", () => {
    const verdicts = [
      createVerdict(minute, { reason: "limit", retryAfter: 1_001, resetAfter: 30_000 }),
      createVerdict(day, { remaining: 400, resetAfter: 5_000 }),
    ];
    expect(toHeaders(verdicts, { legacy: true })).toEqual({
      "RateLimit-Policy": '"a \\"b\\"";q=100;w=60, "day";q=1000;w=86400',
      RateLimit: '"a \\"b\\"";r=0;t=2, "day";r=400;t=5',
      "Retry-After": "2",
      "X-RateLimit-Limit": "100",
      "X-RateLimit-Remaining": "0",
      "X-RateLimit-Reset": "30",
    });
  });

  it("invents no numbers where Redis was not asked, and no date for what never passes", () => {
    expect(toHeaders(createVerdict(day, { degraded: true }))).toEqual({});
    expect(toHeaders(createVerdict(day, { reason: "cost", retryAfter: Infinity }))["Retry-After"]).toBeUndefined();
  });

  it("says in a problem which policies refused", async () => {
    const refused = createVerdict(day, { reason: "limit", retryAfter: 10 });
    expect(toProblem([refused, createVerdict(minute, {})])).toMatchObject({
      status: 429,
      "violated-policies": ["day"],
    });
    expect(toProblem(createVerdict(day, { reason: "outage" }))).toMatchObject({ status: 503 });
    const response = toResponse(refused);
    expect(response.status).toBe(429);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ type: expect.stringContaining("quota-exceeded") as string });
  });
});

describe("clientIp", () => {
  const ip = (forwarded: string, options: Parameters<typeof clientIp>[1]) =>
    clientIp(new Headers({ "x-forwarded-for": forwarded, "cf-connecting-ip": "2001:db8:1:2:3::4" }), options);

  it("believes the trusted place alone", () => {
    expect(ip("6.6.6.6, 1.2.3.4", { trust: 1 })).toBe("1.2.3.4");
    expect(ip("6.6.6.6, 1.2.3.4, 10.0.0.1", { trust: 2 })).toBe("1.2.3.4");
    expect(ip("6.6.6.6", { trust: 0, remoteAddress: "::ffff:1.2.3.4" })).toBe("1.2.3.4");
    expect(ip("6.6.6.6", { trust: 2 })).toBeNull();
    expect(ip("nobody", { trust: 1 })).toBeNull();
    expect(ip("1.2.3.4:80", { trust: 1 })).toBe("1.2.3.4");
  });

  it("groups IPv6 by its network", () => {
    expect(ip("", { trust: "cloudflare" })).toBe("2001:db8:1:2:0:0:0:0/64");
    expect(ip("", { trust: "cloudflare", ipv6Prefix: 56 })).toBe("2001:db8:1:0:0:0:0:0/56");
    expect(ip("[2001:DB8::1]:443", { trust: 1 })).toBe("2001:db8:0:0:0:0:0:0/64");
    expect(ip("::ffff:102:304", { trust: 1 })).toBe("1.2.3.4");
    expect(ip("1::2::3", { trust: 1 })).toBeNull();
    expect(() => ip("::1", { trust: 1, ipv6Prefix: 129 })).toThrow(OptionError);
  });
});

describe("blockedIds", () => {
  it("@upstash/ratelimit 13: holds a bounded number of ids", () => {
    const blocked = blockedIds({ max: 2, cap: 60_000 });
    const refused = createVerdict(day, { reason: "limit", retryAfter: 50_000 });
    for (const id of ["a", "b", "c"]) blocked.add(id, "1", refused, performance.now());
    expect(["a", "b", "c"].map((id) => blocked.find(id, "1")?.reason)).toEqual([undefined, "limit", "limit"]);
  });

  it("ignores a refusal that is older than what was given back since", () => {
    const blocked = blockedIds();
    const askedAt = performance.now();
    blocked.clear("a");
    blocked.add("a", "1", createVerdict(day, { reason: "limit", retryAfter: 500 }), askedAt);
    expect(blocked.find("a", "1")).toBeUndefined();
  });
});

describe("a limiter over HTTP", () => {
  it("@upstash/ratelimit 16: tells nothing but what the protocol needs", async () => {
    const sent: string[] = [];
    const fetch = async (_: unknown, init?: RequestInit) => {
      sent.push(...new Headers(init?.headers).keys());
      return Response.json([{ error: "ERR not here" }]);
    };
    const limiter = createLimiter(rest({ url: "http://localhost:1", token: "t", fetch }), {
      prefix: "p",
      algorithm: day,
    });
    await expect(limiter.limit("u")).rejects.toThrow("ERR not here");
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.filter((name) => !/^(authorization|content-type|upstash-(encoding|sync-token))$/.test(name))).toEqual(
      [],
    );
  });
});

describe("localLimit", () => {
  it("allows this process its share while Redis is away", async () => {
    const policy = localLimit({ processes: 4 });
    const algorithm = gcra({ limit: 20, window: 600_000 });
    const outage: LimiterOutage = { id: "u", key: "k", cost: 1, algorithm, error: null };
    const verdicts: Verdict[] = [];
    for (let i = 0; i < 8; i += 1) verdicts.push(await policy(outage));
    expect(verdicts.filter(({ allowed }) => allowed)).toHaveLength(5);
    expect(verdicts.every(({ degraded }) => degraded)).toBe(true);
    expect(verdicts.at(-1)?.retryAfter).toBeGreaterThan(0);
  });
});
