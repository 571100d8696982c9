import { checkDuration } from "../../../check.ts";
import { TimeoutError } from "../../../errors.ts";
import { raceDeadline } from "../../../time/deadline.ts";
import { type Context, giveUp, keysOf, tell, trip } from "../context.ts";
import { createBoards, type Dated, type Flight, isJoinable, type Resolved } from "../flight.ts";
import type { GetOrSetOptions } from "../options.ts";
import { find } from "../read.ts";
import { tagsOf } from "../tags.ts";
import { judgeEntry, type Load, type LoadCall, settleAll } from "./call.ts";
import { claimAndLoad, refreshEntry } from "./claim.ts";
import { loadUnleased, runInBackground, startLoad } from "./load.ts";

/** What `resolve` does where the hit path did not answer. */
export function createResolve<T>(context: Context<T>) {
  const flightsOf = createBoards<T>();
  return async (id: string, load: Load<T>, options: GetOrSetOptions = {}, down: boolean): Promise<Resolved<T>> => {
    const { signal, ttl, tags, scope, waitUntil } = options;
    signal?.throwIfAborted();
    const works: Promise<unknown>[] = [];
    let pending: Promise<void> | undefined;
    const call: LoadCall<T> = {
      redis: context.redis,
      id,
      load,
      times: ttl === undefined ? context.times : { ...context.times, ttl: checkDuration("ttl", ttl) },
      tags: tagsOf(context, tags),
      signal,
      flights: flightsOf(scope),
      down,
      background: (work) => void works.push(work),
    };
    try {
      const { value, source, degraded } = await getOrSet(context, call);
      if (works.length > 0) pending = settleAll(works);
      return { value, source, degraded, ...(pending && { pending }) };
    } finally {
      if (works.length > 0) waitUntil?.(pending ?? settleAll(works));
    }
  };
}

/** The value of a key: from its entry, from a load that already runs, or from a load of our own. */
async function getOrSet<T>(context: Context<T>, call: LoadCall<T>): Promise<Dated<T>> {
  const began = context.turn();
  const lookup: Lookup<T> = { reachable: isReachable(context, call), refused: "", fallback: undefined };
  for (;;) {
    const answer = (await readFirst(context, call, lookup)) ?? (await awaitFlight(context, call, lookup, began));
    if (answer && answer.asOf >= began) return answer;
  }
}

/** What a call has learnt so far. */
interface Lookup<T> {
  reachable: boolean;
  /** The head of an entry that must not be served. */
  refused: string;
  /** An older value, for when the load fails. */
  fallback: Dated<T> | undefined;
}

/** Whether this call goes to Redis. While the breaker is open none does; now and then one probes, beside its call. */
function isReachable<T>(context: Context<T>, { id, background, down }: LoadCall<T>): boolean {
  if (down) return false;
  if (!context.breaker.open) return true;
  if (context.breaker.ready()) {
    const { entry } = keysOf(context, id);
    const probe = trip(context, undefined, (options) => context.redis.send(["EXISTS", entry], options));
    background(probe.catch((error: unknown) => tell(context, "error", id, { error })));
  }
  return false;
}

/** Reads the entry by itself, where a hit is likely. */
async function readFirst<T>(context: Context<T>, call: LoadCall<T>, lookup: Lookup<T>): Promise<Dated<T> | undefined> {
  if (!lookup.reachable || !context.expectsHit || context.scriptFirst) return undefined;
  const asOf = context.turn();
  const start = context.onEvent ? performance.now() : 0;
  try {
    const [found] = await find(context, [call.id], call.tags, call.signal);
    context.expectsHit = found?.entry !== undefined;
    if (!found?.entry) {
      lookup.refused = found?.head ?? "";
      return undefined;
    }
    const { stage, early, answer, fallback } = judgeEntry(context, call, found, { asOf, start });
    if (stage === "revalidate") refresh(context, call, early);
    lookup.fallback = fallback ?? lookup.fallback;
    return answer;
  } catch (error) {
    giveUp(context, call, error);
    lookup.reachable = false;
    return undefined;
  }
}

/** Loads an entry anew in the background, unless somebody already does. */
function refresh<T>(context: Context<T>, call: LoadCall<T>, early: number): void {
  if (call.flights.has(call.id)) return;
  runInBackground(call, (call) => refreshEntry(context, call, early));
}

/** Joins the flight that is under way for this key, or starts one. */
function joinOrStart<T>(
  context: Context<T>,
  call: LoadCall<T>,
  { reachable, refused }: Lookup<T>,
  began: number,
): Flight<Dated<T> | undefined> {
  const present = call.flights.get(call.id);
  if (present && isJoinable(present, began)) return present;
  return startLoad(call, (call) =>
    reachable ? claimAndLoad(context, call, refused) : loadUnleased(context, call, true),
  );
}

/** Waits for a flight; if it fails or takes too long, an older value will do where there is one. */
async function awaitFlight<T>(
  context: Context<T>,
  call: LoadCall<T>,
  lookup: Lookup<T>,
  began: number,
): Promise<Dated<T> | undefined> {
  const flight = joinOrStart(context, call, lookup, began);
  const older = () => ((flight.fallback?.asOf ?? 0) >= began ? flight.fallback : lookup.fallback);
  const answer = await orStale(context.softTimeout, call, flight.join(call.signal), older);
  if (answer && answer === older()) tell(context, "stale", call.id);
  return answer;
}

/**
 * Answers what a load answers; or what there is of older, if the load fails or takes longer than `softTimeout`, after which it goes
 * on. What is older may be found only while the load is waited for: then it is served when the time is over once more.
 */
export async function orStale<A>(
  softTimeout: number | undefined,
  call: Pick<LoadCall<never>, "signal" | "background">,
  load: Promise<A>,
  older: () => A | undefined,
): Promise<A> {
  let late: Error | undefined;
  const tooLate = () => (late = new TimeoutError(0));
  try {
    return await (softTimeout === undefined ? load : raceDeadline(softTimeout, undefined, () => load, tooLate));
  } catch (error) {
    call.signal?.throwIfAborted();
    const old = older();
    if (old === undefined && late && error === late) return orStale(softTimeout, call, load, older);
    if (old === undefined) throw error;
    call.background(load.catch(() => undefined));
    return old;
  }
}
