import { checkDuration } from "../../../check.ts";
import { TimeoutError } from "../../../errors.ts";
import { raceDeadline } from "../../../time/deadline.ts";
import { type Context, giveUp, keysOf, tell, trip } from "../context.ts";
import { createBoards, type Dated, type Flight, isJoinable, land, type Resolved, startFlight } from "../flight.ts";
import { judge } from "../freshness.ts";
import type { GetOrSetOptions } from "../options.ts";
import { find } from "../read.ts";
import { tagsOf } from "../tags.ts";
import { type Job, type Load, type Part, type Run, served } from "./call.ts";
import { claimed } from "./claim.ts";
import { alone } from "./load.ts";

/** What `resolve` does where the hit path did not answer. */
export function createResolve<T>(x: Context<T>) {
  const flightsOf = createBoards<T>();
  return async (id: string, load: Load<T>, options: GetOrSetOptions = {}, down: boolean): Promise<Resolved<T>> => {
    const { signal, ttl, tags, scope, waitUntil } = options;
    signal?.throwIfAborted();
    const works: Promise<unknown>[] = [];
    let pending: Promise<void> | undefined;
    const job: Job<T> = {
      id,
      load,
      times: ttl === undefined ? x.times : { ...x.times, ttl: checkDuration("ttl", ttl) },
      tags: tagsOf(x, tags),
      signal,
      flights: flightsOf(scope),
      down,
      later: (work) => void works.push(work),
    };
    try {
      const { value, source, degraded } = await getOrSet(x, job);
      if (works.length > 0) pending = Promise.allSettled(works).then(() => {});
      return { value, source, degraded, ...(pending && { pending }) };
    } finally {
      if (works.length > 0) waitUntil?.(pending ?? Promise.allSettled(works));
    }
  };
}

/** The value of a key: from its entry, from a load that already runs, or from a load of our own. */
async function getOrSet<T>(x: Context<T>, job: Job<T>): Promise<Dated<T>> {
  const began = x.turn();
  const seen: Sight<T> = { reachable: isReachable(x, job), refused: "", fallback: undefined };
  for (;;) {
    const answer = (await look(x, job, seen)) ?? (await ride(x, job, board(x, job, began, seen), { ...seen, began }));
    if (answer && answer.asOf >= began) return answer;
  }
}

/** What a call has learnt so far. */
interface Sight<T> {
  reachable: boolean;
  /** The head of an entry that must not be served. */
  refused: string;
  /** An older value, for when the load fails. */
  fallback: Dated<T> | undefined;
}

/** Whether this call goes to Redis. While the breaker is open none does; now and then one probes, beside its call. */
function isReachable<T>(x: Context<T>, { id, later, down }: Job<T>): boolean {
  if (down) return false;
  if (!x.breaker.open) return true;
  if (x.breaker.ready()) {
    const { entry } = keysOf(x, id);
    const probe = trip(x, undefined, (options) => x.redis.send(["EXISTS", entry], options));
    later(probe.catch((error: unknown) => tell(x, "error", id, { error })));
  }
  return false;
}

/** The hit path: one plain GET. */
async function look<T>(x: Context<T>, job: Job<T>, seen: Sight<T>): Promise<Dated<T> | undefined> {
  if (!seen.reachable || !x.expectsHit || x.scriptFirst) return undefined;
  const asOf = x.turn();
  const start = x.onEvent ? performance.now() : 0;
  try {
    const [found] = await find(x, [job.id], job.tags, job.signal);
    x.expectsHit = found?.entry !== undefined;
    if (!found?.entry) {
      seen.refused = found?.head ?? "";
      return undefined;
    }
    const judgement = judge(job.times, found.entry, found.left);
    const { value } = found.entry;
    if (judgement.stage === "revalidate") refresh(x, job, judgement.early);
    if (judgement.stage === "fallback") seen.fallback = { value, source: "stale", degraded: true, asOf };
    return served(x, job, judgement, { value, asOf, start });
  } catch (error) {
    giveUp(x, job, error);
    seen.reachable = false;
    return undefined;
  }
}

/** Loads an entry anew in the background, unless somebody already does. */
function refresh<T>(x: Context<T>, job: Job<T>, early: number): void {
  if (!job.flights.has(job.id)) spawn(x, job, (part) => claimed(x, part, { early }));
}

/** What goes wrong in the background is told as an event; the caller has its value. */
function spawn<T>(x: Context<T>, job: Job<T>, run: Run<T>): void {
  const flight = launch(x, job, run);
  job.later(flight.join().catch(() => undefined));
}

/** Joins the flight that is under way for this key, or starts one. */
function board<T>(
  x: Context<T>,
  job: Job<T>,
  began: number,
  { reachable, refused }: Sight<T>,
): Flight<Dated<T> | undefined> {
  const present = job.flights.get(job.id);
  if (present && isJoinable(present, began)) return present;
  return launch(x, job, (part) => (reachable ? claimed(x, part, { refused }) : alone(x, part, true)));
}

function launch<T>(x: Context<T>, job: Job<T>, run: Run<T>): Flight<Dated<T> | undefined> {
  const flight = startFlight<Dated<T> | undefined>(async (flight, signal) => {
    const part: Part<T> = { ...job, signal, flight, spawn: (run) => spawn(x, job, run) };
    try {
      return await run(part);
    } finally {
      land(part);
    }
  });
  job.flights.set(job.id, flight);
  return flight;
}

/** Waits for a flight; if it fails or takes too long, an older value will do where there is one. */
async function ride<T>(
  x: Context<T>,
  job: Job<T>,
  flight: Flight<Dated<T> | undefined>,
  { began, fallback }: { readonly began: number; readonly fallback: Dated<T> | undefined },
): Promise<Dated<T> | undefined> {
  const older = () => ((flight.fallback?.asOf ?? 0) >= began ? flight.fallback : fallback);
  const answer = await orOlder(x.softTimeout, job, flight.join(job.signal), older);
  if (answer && answer === older()) tell(x, "stale", job.id);
  return answer;
}

/**
 * What a load answers; or what there is of older, if the load fails or takes longer than `softTimeout`, after which it goes on. What is
 * older may be found only while it is waited for: then it is served when the time is over once more.
 */
export async function orOlder<A>(
  softTimeout: number | undefined,
  job: Pick<Job<never>, "signal" | "later">,
  load: Promise<A>,
  older: () => A | undefined,
): Promise<A> {
  let late: Error | undefined;
  const tooLate = () => (late = new TimeoutError(0));
  try {
    return await (softTimeout === undefined ? load : raceDeadline(softTimeout, undefined, () => load, tooLate));
  } catch (error) {
    job.signal?.throwIfAborted();
    const old = older();
    if (old === undefined && late && error === late) return orOlder(softTimeout, job, load, older);
    if (old === undefined) throw error;
    job.later(load.catch(() => undefined));
    return old;
  }
}
