import { token } from "./token.ts";
import type { Fuzzed } from "./fuzz-requests.ts";

/** What came back for a fuzzed request. */
export interface FuzzedAnswer {
  readonly status: number;
  readonly contentType: string | null;
  readonly syncToken: string | null;
  readonly text: string;
}

/** Sends one request, however it is sent. */
export type Send = (request: Fuzzed) => Promise<FuzzedAnswer>;

/** What any request may be answered with while Redis is well: never 500, never 503. */
const statuses = [200, 400, 401, 404, 405, 413];
const methods = ["GET", "HEAD", "POST", "PUT"];

/** Sends requests and throws unless each is answered as the protocol says. */
export interface Checker {
  (requests: readonly Fuzzed[]): Promise<void>;
  /** How often each status was answered. */
  readonly tally: ReadonlyMap<number, number>;
}

/** Keeps what must hold for all answers together. */
export function createChecker(send: Send, patience = 10_000): Checker {
  const seen = new Set<string>();
  const tally = new Map<number, number>();
  const counted: Send = async (request) => {
    const answer = await send(request);
    tally.set(answer.status, (tally.get(answer.status) ?? 0) + 1);
    return answer;
  };
  const check = async (requests: readonly Fuzzed[]) => {
    const complaints = await Promise.all(
      requests.map(async (request) => {
        const complaint = complaintAbout(request, await outcome(counted, request, patience), seen);
        return complaint === null ? [] : [`${complaint}: ${describe(request)}`];
      }),
    );
    if (complaints.flat().length > 0) throw new Error(complaints.flat().slice(0, 3).join("\n"));
  };
  return Object.assign(check, { tally });
}

/** Which of the possible statuses were answered less than `least` times: a fuzzer that misses a route proves nothing about it. */
export function neglected({ tally }: Checker, least: number): number[] {
  return statuses.filter((status) => (tally.get(status) ?? 0) < least);
}

function describe({ method, target, headers, body }: Fuzzed): string {
  const shown = JSON.stringify(headers).replaceAll(token, "TOKEN").slice(0, 300);
  return `${method} ${target} ${shown} ${Buffer.from(body ?? [])
    .toString("latin1")
    .slice(0, 300)}`;
}

async function outcome(send: Send, request: Fuzzed, patience: number): Promise<FuzzedAnswer | string> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${patience} ms`), patience);
  });
  try {
    return await Promise.race([send(request), hung]);
  } catch (error) {
    return `it failed with ${String(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

function complaintAbout(request: Fuzzed, answer: FuzzedAnswer | string, seen: Set<string>): string | null {
  if (typeof answer === "string") return answer;
  const { status, contentType, syncToken, text } = answer;
  if (!statuses.includes(status)) return `the status ${status}, ${text}`;
  if (contentType !== "application/json") return `the content type ${contentType}`;
  if (syncToken === null || seen.has(syncToken)) return `the sync token ${syncToken}`;
  seen.add(syncToken);
  if (text.includes(token)) return "the token in the answer";
  const wanted = methods.includes(request.method) ? (request.authorised ? null : 401) : 405;
  if (wanted !== null && status !== wanted) return `${status} instead of ${wanted}`;
  if (wanted === null && status === 401) return "401 in spite of the token";
  if (request.method === "HEAD") return text === "" ? null : "a body for HEAD";
  return complaintAboutBody(status, text);
}

function complaintAboutBody(status: number, text: string): string | null {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return `no JSON: ${text.slice(0, 100)}`;
  }
  if (status !== 200) return isError(body) ? null : `${status} without an error: ${text.slice(0, 100)}`;
  const results = Array.isArray(body) ? body : [body];
  const fits = Array.isArray(body) ? results.every((item) => isResult(item) || isError(item)) : isResult(body);
  return fits ? null : `no result: ${text.slice(0, 100)}`;
}

function isResult(body: unknown): boolean {
  return hasOnly(body, "result");
}

function isError(body: unknown): boolean {
  return hasOnly(body, "error") && typeof (body as { error: unknown }).error === "string";
}

function hasOnly(body: unknown, name: string): boolean {
  return typeof body === "object" && body !== null && Object.keys(body).join() === name;
}
