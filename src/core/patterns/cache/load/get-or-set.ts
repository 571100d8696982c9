import { TimeoutError } from "../../../errors.ts";
import { leftAlone } from "../../../outage/breaker.ts";
import { raceDeadline } from "../../../time/deadline.ts";
import { type CacheContext, failOpen, keysOf, report, trip } from "../context.ts";
import { createBoards, type DatedAnswer, type Flight, isJoinable, type Resolved } from "../flight.ts";
import { timesWith } from "../freshness.ts";
import type { GetOrSetOptions } from "../options.ts";
import { readEntries } from "../read.ts";
import { tagsOf } from "../tags.ts";
import { createBackground } from "./background.ts";
import { judgeEntry, type Load, type LoadCall } from "./call.ts";
import { claimAndLoad, refreshEntry } from "./claim.ts";
import { loadUnleased, runInBackground, startLoad } from "./load.ts";

/** Creates the slow path of `resolve`, for calls that the fast path did not answer. */
export function createResolve<T>(context: CacheContext<T>) {
  const flightsOf = createBoards<T>();
  return async (id: string, load: Load<T>, options: GetOrSetOptions = {}, down: boolean): Promise<Resolved<T>> => {
    const { signal, ttl, tags, scope, waitUntil } = options;
    const background = createBackground(context, id, waitUntil);
    const call: LoadCall<T> = {
      redis: context.redis,
      id,
      load,
      times: timesWith(context.times, ttl),
      tags: tagsOf(context, tags),
      signal,
      flights: flightsOf(scope),
      down,
      background: background.add,
    };
    try {
      const { value, source, degraded } = await getOrSet(context, call);
      const pending = background.handOver();
      return { value, source, degraded, ...(pending && { pending }) };
    } catch (error) {
      void background.handOver();
      throw error;
    }
  };
}

/** Gets the value of a key from its entry, from a load that already runs, or from a load of its own. */
async function getOrSet<T>(context: CacheContext<T>, call: LoadCall<T>): Promise<DatedAnswer<T>> {
  const began = context.nextTurn();
  const lookup: Lookup<T> = { reachable: isReachable(context, call), refused: "", fallback: undefined };
  for (;;) {
    call.signal?.throwIfAborted();
    const answer = (await readFirst(context, call, lookup)) ?? (await awaitFlight(context, call, lookup, began));
    if (answer && answer.asOf >= began) return answer;
  }
}

/** The state of a call between its attempts. */
interface Lookup<T> {
  reachable: boolean;
  /** The head of an entry that must not be served; empty if there is none. */
  refused: string;
  /** An older value, in case the load fails. */
  fallback: DatedAnswer<T> | undefined;
}

/**
 * Whether this call goes to Redis. While the breaker is open none does; once per cooldown one sends a probe beside its own work.
 * @throws {ConnectionError} Redis is left alone, and the cache does not load without it.
 */
function isReachable<T>(context: CacheContext<T>, { id, background, down }: LoadCall<T>): boolean {
  if (down) return false;
  if (!context.breaker.open) return true;
  if (context.breaker.ready()) {
    const { entry } = keysOf(context, id);
    const probe = trip(context, undefined, (options) => context.redis.send(["EXISTS", entry], options));
    background(probe.catch((error: unknown) => report(context, "error", id, { error })));
  }
  if (!context.failsOpen) throw leftAlone();
  return false;
}

/** Reads the entry by itself, where a hit is likely. */
async function readFirst<T>(
  context: CacheContext<T>,
  call: LoadCall<T>,
  lookup: Lookup<T>,
): Promise<DatedAnswer<T> | undefined> {
  if (!lookup.reachable || !context.expectsHit || context.readsByScript) return undefined;
  const asOf = context.nextTurn();
  const start = context.onEvent ? performance.now() : 0;
  try {
    const [found] = await readEntries(context, [call.id], call.tags, call.signal);
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
    failOpen(context, call, error);
    lookup.reachable = false;
    return undefined;
  }
}

/** Loads an entry anew in the background, unless a load of it runs already. */
function refresh<T>(context: CacheContext<T>, call: LoadCall<T>, early: number): void {
  if (call.flights.has(call.id)) return;
  runInBackground(context, call, (call) => refreshEntry(context, call, early));
}

/** Joins the flight that is under way for this key, or starts one. */
function joinOrStart<T>(
  context: CacheContext<T>,
  call: LoadCall<T>,
  { reachable, refused }: Lookup<T>,
  began: number,
): Flight<DatedAnswer<T> | undefined> {
  const present = call.flights.get(call.id);
  if (present && isJoinable(present, began)) return present;
  return startLoad(context, call, (call) =>
    reachable ? claimAndLoad(context, call, refused) : loadUnleased(context, call, true),
  );
}

/** Waits for a flight; if it fails or takes too long, an older value is served where there is one. */
async function awaitFlight<T>(
  context: CacheContext<T>,
  call: LoadCall<T>,
  lookup: Lookup<T>,
  began: number,
): Promise<DatedAnswer<T> | undefined> {
  const flight = joinOrStart(context, call, lookup, began);
  const older = () => ((flight.fallback?.asOf ?? 0) >= began ? flight.fallback : lookup.fallback);
  const answer = await orStale(context.softTimeout, call, flight.join(call.signal), older);
  if (!answer || answer !== older()) return answer;
  report(context, "stale", call.id);
  return { ...answer, value: context.copies(answer.value)() };
}

/**
 * Waits for a load; if it fails or takes longer than `softTimeout`, serves an older value where there is one, and the load goes on. An
 * older value may come up while the load is waited for: it is served when `softTimeout` has passed once more.
 */
export async function orStale<A>(
  softTimeout: number | undefined,
  call: Pick<LoadCall<never>, "signal" | "background">,
  load: Promise<A>,
  older: () => A | undefined,
): Promise<A> {
  const { signal, background } = call;
  let late: Error | undefined;
  const tooLate = () => (late = new TimeoutError(0));
  try {
    return await raceDeadline(softTimeout ?? Infinity, signal, () => load, { late: tooLate });
  } catch (error) {
    const left = signal?.aborted;
    const old = left ? undefined : older();
    if (old === undefined && !left && late && error === late) return orStale(softTimeout, call, load, older);
    if (old === undefined && !left) throw error;
    background(load.catch(() => undefined));
    if (old === undefined) throw error;
    return old;
  }
}
