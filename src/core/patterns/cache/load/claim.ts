import { codeOf } from "../../../failure.ts";
import type { SendOptions } from "../../../port/redis.ts";
import { backoff } from "../../../wait/backoff.ts";
import { sleep } from "../../../wait/sleep.ts";
import type { Waiter } from "../../../wait/wake.ts";
import { type CacheContext, failOpen, keysOf, report, trip } from "../context.ts";
import { LoadFailedError } from "../errors.ts";
import type { DatedAnswer } from "../flight.ts";
import { createToken } from "../format/lease.ts";
import { leaseTtl } from "../freshness.ts";
import { type Found, nothing, openEntry } from "../read.ts";
import { type Claim, claimEntry } from "../scripts/claim.lua.ts";
import { prepareTags } from "../tags.ts";
import { type CacheCall, type FlightCall, judgeEntry } from "./call.ts";
import { releaseLeases } from "./lease.ts";
import { loadBeside, loadLeased, loadUnleased, runInBackground } from "./load.ts";

/** The arguments of a claim that the call chooses. */
export interface Question {
  /** The text that a granted lease holds. */
  readonly token: string;
  /** The head of an entry that must not be served; empty if there is none. */
  readonly refused: string;
  /** The holder of the lease that this call waited for; empty if there is none. */
  readonly waited: string;
  /** The time by which a fresh entry is due sooner, in milliseconds. */
  readonly early: (id: string) => number;
}

/** A claim, and the nonces that the tags of its call have now. */
export interface TaggedClaim extends Claim {
  readonly nonces: ReadonlyMap<string, string>;
}

/**
 * Asks in one trip who loads each of the keys. Returns no claims where Redis did not answer.
 * @param many Whether the keys are some of several, so that one of another type must not cost the others: it gets no claim.
 */
export async function claimEntries(
  context: CacheContext,
  ids: readonly string[],
  { redis, tags, times, signal, background }: CacheCall,
  { early, ...question }: Question,
  many = false,
): Promise<readonly (TaggedClaim | undefined)[]> {
  // What was never sent has nothing to give back.
  signal?.throwIfAborted();
  const values = { ...question, mark: context.format.mark, leaseTtl: leaseTtl(context) };
  const ask = (id: string, options: SendOptions) =>
    claimEntry(redis, { ...keysOf(context, id), ...values, early: early(id) }, options).catch((error: unknown) => ({
      id,
      error,
    }));
  const release = (ids: readonly string[]) => background(releaseLeases(context, { redis, ids, token: question.token }));
  try {
    const [claims, nonces] = await trip(context, signal, (options) =>
      Promise.all([
        Promise.all(ids.map((id) => ask(id, options))).then((outcomes) => orThrowAll(context, outcomes, many)),
        prepareTags(context, tags, times, options),
      ]),
    );
    const refused = claims.filter((claim) => "error" in claim);
    for (const { id, error } of refused) report(context, "error", id, { error });
    if (refused.length > 0) release(refused.map(({ id }) => id));
    return claims.map((claim) => ("error" in claim ? undefined : { ...claim, nonces }));
  } catch (error) {
    // Redis may have granted leases whose replies were lost; other callers must not wait for them.
    if (Reflect.get(Object(error), "sent") !== false) release(ids);
    failOpen(context, { id: ids[0] ?? "", signal }, error);
    return [];
  }
}

/** Throws the first failure, unless each is about one key of several: it holds another program's value. */
function orThrowAll<C extends object>(
  { failsOpen }: CacheContext,
  outcomes: readonly (C | Refused)[],
  many: boolean,
): readonly (C | Refused)[] {
  const refused = outcomes.filter((outcome) => "error" in outcome);
  if (many && failsOpen && refused.every(({ error }) => codeOf(error) === "WRONGTYPE")) return outcomes;
  for (const { error } of refused) throw error;
  return outcomes;
}

/** A key for which Redis answered with an error. */
interface Refused {
  readonly id: string;
  readonly error: unknown;
}

/** After this time a call that hears messages claims all the same, in milliseconds: one may be lost. */
const longestWait = 1_000;

/** The pauses between two claims of a call that waits: the end of a short load is noticed soon, a long one costs few commands. */
const pauses = { first: 25, factor: 1.5, most: 250 };

/**
 * Claims a key until there is a value, a lease, a failure, or `waitTimeout` is over. `refused` is the head of an entry that must not be
 * served.
 */
export async function claimAndLoad<T>(
  context: CacheContext<T>,
  call: FlightCall<T>,
  refused: string,
): Promise<DatedAnswer<T> | undefined> {
  let waiter: Waiter | undefined;
  const wait = (pause: number, left: number) => {
    waiter ??= context.wake?.listen(keysOf(context, call.id).lease, "");
    return waiter ? waiter.wait(pause, Math.min(longestWait, left), call.signal) : sleep(pause, call.signal);
  };
  try {
    return await pollClaim(context, call, refused, wait);
  } finally {
    // Every message wakes all, so none has to be passed on.
    waiter?.leave("granted");
  }
}

async function pollClaim<T>(
  context: CacheContext<T>,
  call: FlightCall<T>,
  refused: string,
  wait: (ms: number, most: number) => Promise<void>,
): Promise<DatedAnswer<T> | undefined> {
  const start = performance.now();
  const question = createQuestion(context, refused, 0);
  let [pause, overtaken] = [0, 0];
  for (;;) {
    const asOf = context.nextTurn();
    call.flight.asOf = asOf;
    const [claim] = await claimEntries(context, [call.id], call, question);
    if (!claim) return loadUnleased(context, call, true);
    const found = claim.raw === null ? nothing : await openEntry(context, { ...call, ...claim });
    const answer = answerFromClaim(context, call, claim, found, { asOf, start });
    if (answer) return answer;
    if (claim.state === "lease") return loadLeased(context, call, claim);
    if (claim.state === "failed") throw new LoadFailedError(claim.holder);
    const { state, holder } = claim;
    const left = start + context.waitTimeout - performance.now();
    if (state === "wait" && question.waited !== "" && question.waited !== holder)
      [pause, overtaken] = [0, overtaken + 1];
    const reason = whyBeside(context, { state, overtaken, left });
    if (reason) return loadBeside(context, call, reason);
    question.refused = found.entry ? "" : found.head;
    if (state !== "wait") continue;
    question.waited = holder;
    await wait(backoff(pause, pauses), left);
    pause += 1;
  }
}

/** How many loads a call sees overtaken before it loads beside them: else each in turn would load for itself alone. */
const mostOvertaken = 2;

/** The reason where the mark of a value that could not be kept stands in place of the lease. */
export const unkeptReason = "a value of this key could not be kept a moment ago; see the `error` of that call";

/** Why a call loads for itself and keeps nothing, rather than wait; nothing if it waits. */
function whyBeside(
  { waitTimeout }: CacheContext,
  { state, overtaken, left }: Pick<Claim, "state"> & { readonly overtaken: number; readonly left: number },
): string | undefined {
  if (state === "unkept") return unkeptReason;
  if (state === "gone") return "this call had given up its claim";
  if (overtaken >= mostOvertaken) return "the loads that it waited for were invalidated, one after another";
  return left < 0 ? `another load took longer than \`waitTimeout\`, ${waitTimeout} ms` : undefined;
}

/** Loads an entry anew that is due `early` milliseconds before its end, unless another call does or has done so. */
export async function refreshEntry<T>(
  context: CacheContext<T>,
  call: FlightCall<T>,
  early: number,
): Promise<DatedAnswer<T> | undefined> {
  call.flight.asOf = context.nextTurn();
  const [claim] = await claimEntries(context, [call.id], call, createQuestion(context, "", early));
  return claim?.state === "lease" ? loadLeased(context, call, claim) : undefined;
}

/** A question with a new token. */
function createQuestion(context: CacheContext, refused: string, early: number) {
  return { token: createToken(leaseTtl(context)), refused, waited: "", early: () => early };
}

/** Serves the entry that a claim found, if it may be served now. If it may be served when the load fails, the flight keeps it. */
function answerFromClaim<T>(
  context: CacheContext<T>,
  call: FlightCall<T>,
  claim: TaggedClaim,
  found: Found<T>,
  times: { readonly asOf: number; readonly start: number },
): DatedAnswer<T> | undefined {
  if (!found.entry) return undefined;
  const { early, answer, fallback } = judgeEntry(context, call, found, times);
  call.flight.fallback = fallback ?? call.flight.fallback;
  if (!answer) return undefined;
  context.expectsHit = true;
  if (claim.state === "lease") {
    runInBackground(context, call, (call) => loadLeased(context, call, claim));
  } else if (early > 0) runInBackground(context, call, (call) => refreshEntry(context, call, early));
  return answer;
}
