import { ConnectionError } from "../../../errors.ts";
import { backoff } from "../../../wait/backoff.ts";
import { sleep } from "../../../wait/sleep.ts";
import { type Claim, claim } from "../scripts/claim.lua.ts";
import { type Context, giveUp, keysOf, leaseTtl, trip } from "../context.ts";
import { LoadFailedError } from "../errors.ts";
import type { Dated } from "../flight.ts";
import { judge, physicalTtl } from "../freshness.ts";
import { type Part, served } from "./call.ts";
import { alone, lead, release } from "./load.ts";
import { type Found, open } from "../read.ts";
import { prepareTags } from "../tags.ts";
import type { LoadWaiter } from "../wake.ts";

/** Between two claims of a call that waits: the end of a short load is noticed soon, a long one costs few commands. */
const pauses = { first: 25, factor: 1.5, most: 250 };

/** What a claim must know. */
interface Inquiry {
  /** The head of an entry that must not be served. */
  readonly refused?: string;
  /** How much sooner a fresh entry is due, in milliseconds. It makes the claim a refresh, which loads or does nothing. */
  readonly early?: number;
}

/** Asks Redis who loads, until there is a value, a lease, a failure, or no more patience. */
export async function claimed<T>(x: Context<T>, part: Part<T>, inquiry: Inquiry): Promise<Dated<T> | undefined> {
  let waiter: LoadWaiter | undefined;
  const wait = (ms: number, most: number) => {
    waiter ??= x.wake?.listen(keysOf(x, part.id).lease);
    return waiter ? waiter.wait(ms, most, part.signal) : sleep(ms, part.signal);
  };
  try {
    return await asked(x, part, inquiry, wait);
  } finally {
    waiter?.leave();
  }
}

async function asked<T>(
  x: Context<T>,
  part: Part<T>,
  inquiry: Inquiry,
  wait: (ms: number, most: number) => Promise<void>,
): Promise<Dated<T> | undefined> {
  // Of all that the platforms have it costs least: Node draws for many at once.
  const token = crypto.randomUUID();
  const start = performance.now();
  const { refused = "", early = 0 } = inquiry;
  const refreshes = inquiry.early !== undefined;
  const question = { token, early, refused, waited: "" };
  for (let attempt = 0; ; attempt += 1) {
    const asOf = x.turn();
    part.flight.asOf = asOf;
    const told = await ask(x, part, question);
    if (refreshes && told?.state !== "lease") return undefined;
    if (!told) return alone(x, part, true);
    const { found, ...answered } = await openClaim(x, part, told);
    const answer = refreshes ? undefined : answerIn(x, part, told, found, { asOf, start });
    if (answer) return answer;
    if (told.state === "lease") return lead(x, part, token, told.nonces);
    if (told.state === "failed") throw new LoadFailedError();
    const left = start + x.waitTimeout - performance.now();
    if (left < 0) return alone(x, part, false);
    Object.assign(question, answered);
    if (told.state === "wait") await wait(backoff(attempt, pauses), left);
  }
}

/** What one claim told, and the tags as they are. */
interface Told extends Claim {
  readonly nonces: ReadonlyMap<string, string>;
}

/** One claim, or `undefined` where Redis did not answer. */
async function ask<T>(
  x: Context<T>,
  part: Part<T>,
  question: { readonly token: string; readonly refused: string; readonly early: number; readonly waited: string },
): Promise<Told | undefined> {
  const values = { ...keysOf(x, part.id), ...question, mark: x.format.mark, leaseTtl: leaseTtl(x) };
  const tagTtl = physicalTtl(part.times) + leaseTtl(x);
  try {
    const [told, nonces] = await trip(x, part.signal, (options) =>
      Promise.all([claim(x.redis, values, options), prepareTags(x, part.tags, tagTtl, options)]),
    );
    return { ...told, nonces };
  } catch (error) {
    // Redis may have granted the lease and be unable to say so; nobody should wait for us then.
    if (!(error instanceof ConnectionError) || error.sent !== false) part.later(release(x, part, question.token, 0));
    giveUp(x, part, error);
    return undefined;
  }
}

/** The entry in a claim, and what the next claim must know. */
async function openClaim<T>(x: Context<T>, part: Part<T>, { raw, left, nonces, holder }: Told) {
  const { entry: key } = keysOf(x, part.id);
  const found = await open(x, { raw, left, key, tags: part.tags, nonces, signal: part.signal });
  return { found, waited: holder, refused: found.entry ? "" : found.head };
}

/** The entry that a claim found, if it may be served now. One that may be served if the load fails is kept in the flight. */
function answerIn<T>(
  x: Context<T>,
  part: Part<T>,
  { state, holder, nonces }: Told,
  found: Found<T>,
  { asOf, start }: { readonly asOf: number; readonly start: number },
): Dated<T> | undefined {
  if (!found.entry) return undefined;
  const { value } = found.entry;
  const judgement = judge(part.times, found.entry, found.left);
  if (judgement.stage === "fallback") part.flight.fallback = { value, source: "stale", degraded: true, asOf };
  const answer = served(x, part, judgement, { value, asOf, start });
  if (!answer) return undefined;
  x.expectsHit = true;
  if (state === "lease") part.spawn((part) => lead(x, part, holder, nonces));
  else if (judgement.early > 0) part.spawn((part) => claimed(x, part, { early: judgement.early }));
  return answer;
}
