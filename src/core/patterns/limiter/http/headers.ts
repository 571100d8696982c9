import type { Verdict } from "../verdict.ts";

/** Options of the header fields. */
export interface HeadersOptions {
  /**
   * Adds `X-RateLimit-Limit`, `-Remaining` and `-Reset` (seconds until everything is free) of the verdict with the smallest share left.
   * @default false
   */
  readonly legacy?: boolean;
}

/**
 * The header fields of one or several verdicts: `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10) and, for a
 * refusal, `Retry-After`. A degraded verdict has no numbers to show.
 * @example
 * const limiter = createLimiter(redis, { prefix: "api", algorithm: gcra({ limit: 100, window: minutes(1) }) });
 * const headers = toHeaders(await limiter.limit(userId));
 */
export function toHeaders(
  verdicts: Verdict | readonly Verdict[],
  { legacy = false }: HeadersOptions = {},
): Record<string, string> {
  const all = [verdicts].flat();
  const known = all.filter(({ degraded }) => !degraded);
  const wait = Math.max(0, ...all.map(({ retryAfter }) => retryAfter));
  const scarcest = known.toSorted((a, b) => a.remaining / a.limit - b.remaining / b.limit)[0];
  return {
    ...(known.length > 0 && {
      "RateLimit-Policy": known.map(toPolicyItem).join(", "),
      RateLimit: known.map(toLimitItem).join(", "),
    }),
    ...(wait > 0 && wait < Infinity && { "Retry-After": `${toWholeSeconds(wait)}` }),
    ...(legacy &&
      scarcest && {
        "X-RateLimit-Limit": `${scarcest.limit}`,
        "X-RateLimit-Remaining": `${scarcest.remaining}`,
        "X-RateLimit-Reset": `${toWholeSeconds(scarcest.resetAfter)}`,
      }),
  };
}

/** A problem details object (RFC 9457), of a type that the draft registers. */
export interface LimitProblem {
  readonly type: string;
  readonly title: string;
  readonly status: 429 | 503;
  /** The names of the policies that refused. */
  readonly "violated-policies"?: readonly string[];
}

const registry = "https://iana.org/assignments/http-problem-types#";

/**
 * The body of a refusal: 429, or 503 where Redis does not answer and the outage policy refused. It is sent as
 * `application/problem+json`.
 */
export function toProblem(verdicts: Verdict | readonly Verdict[]): LimitProblem {
  const refused = [verdicts].flat().filter(({ allowed }) => !allowed);
  if (refused.every(({ reason }) => reason === "outage")) {
    return { type: `${registry}temporary-reduced-capacity`, title: "The service is at reduced capacity", status: 503 };
  }
  return {
    type: `${registry}quota-exceeded`,
    title: "Too many requests",
    status: 429,
    "violated-policies": refused.map(({ policy }) => policy.name),
  };
}

/** The whole answer to a refused request: status, header fields and problem details. */
export function toResponse(verdicts: Verdict | readonly Verdict[], options?: HeadersOptions): Response {
  const problem = toProblem(verdicts);
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: { ...toHeaders(verdicts, options), "Content-Type": "application/problem+json" },
  });
}

function toPolicyItem({ policy }: Verdict): string {
  const unit = policy.unit ? `;qu="${policy.unit}"` : "";
  return `${quote(policy.name)};q=${policy.limit}${unit};w=${toWholeSeconds(policy.window)}`;
}

function toLimitItem({ policy, remaining, retryAfter, resetAfter }: Verdict): string {
  const wait = retryAfter > 0 && retryAfter < Infinity ? retryAfter : resetAfter;
  return `${quote(policy.name)};r=${remaining};t=${Math.ceil(wait / 1_000)}`;
}

/** Seconds, rounded up so that a caller who waits for them does not come too early. */
function toWholeSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

/** A string of RFC 9651, which is ASCII; other characters become `?`. */
function quote(name: string): string {
  return `"${name.replace(/[^ -~]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
