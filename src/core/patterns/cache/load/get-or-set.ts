import { claimed } from "./claim.ts";
import { type Context, type Dated, giveUp, keysOf, tell, trip } from "../context.ts";
import { type Flight, isJoinable, startFlight } from "../flight.ts";
import { judge } from "../freshness.ts";
import { type Job, land, type Part, type Run, served } from "./call.ts";
import { alone } from "./load.ts";
import { orOlder } from "./or-older.ts";
import { find } from "../read.ts";

/** The value of a key: from its entry, from a load that already runs, or from a load of our own. */
export async function getOrSet<T>(x: Context<T>, job: Job<T>): Promise<Dated<T>> {
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
