import { withDeadline } from "../deadline.ts";
import { jitter, sleep } from "../sleep.ts";
import { type Claim, claim } from "./claim.lua.ts";
import { type Context, type Dated, type Flights, keysOf, tell, trip } from "./context.ts";
import { encodeEntry, headOf } from "./entry.ts";
import { LoadFailedError, LoadTimeoutError } from "./errors.ts";
import { fill, yieldLease } from "./fill.lua.ts";
import { type Flight, isJoinable, startFlight } from "./flight.ts";
import { entryIn } from "./read.ts";
import { nullableText } from "../reply.ts";
import { createToken } from "./token.ts";

/** Computes the value of a key. `signal` aborts when nobody waits for it any more, or when it took longer than `hardTimeout`. */
export type Load<T> = (context: { readonly signal: AbortSignal }) => T | Promise<T>;

/** One call of `getOrSet`, on its way. */
export interface Job<T> {
  readonly id: string;
  readonly load: Load<T>;
  readonly ttl: number;
  readonly signal: AbortSignal | undefined;
  readonly flights: Flights<T>;
}

/** The value of a key: from its entry, from a load that already runs, or from a load of our own. */
export async function getOrSet<T>(x: Context<T>, job: Job<T>): Promise<Dated<T>> {
  const began = x.turn();
  let reachable = x.breaker.ready();
  if (reachable && x.expectsHit) {
    const found = await look(x, job);
    if (typeof found === "object") return found;
    reachable = found === "miss";
  }
  for (;;) {
    const answer = await board(x, job, began, reachable).join(job.signal);
    if (answer.asOf >= began) return answer;
  }
}

/** The hit path: one plain GET. */
async function look<T>(x: Context<T>, job: Job<T>): Promise<Dated<T> | "miss" | "down"> {
  const { id, signal } = job;
  const asOf = x.turn();
  const start = performance.now();
  const { entry } = keysOf(x, id);
  try {
    const raw = nullableText(await trip(x, signal, (options) => x.redis.send(["GET", entry], options)));
    const found = entryIn(x, raw);
    x.expectsHit = found !== undefined;
    if (!found) return "miss";
    tell(x, "hit", id, { duration: performance.now() - start });
    return { value: found.value, source: "hit", degraded: false, asOf };
  } catch (error) {
    giveUp(x, job, error);
    return "down";
  }
}

/** A failure of Redis that the call survives; the caller's own abort it does not. */
function giveUp<T>(x: Context<T>, { id, signal }: Pick<Job<T>, "id" | "signal">, error: unknown): void {
  signal?.throwIfAborted();
  tell(x, "error", id, { error });
}

/** Joins the flight that is under way for this key, or starts one. */
function board<T>(x: Context<T>, job: Job<T>, began: number, reachable: boolean): Flight<Dated<T>> {
  const { id, flights } = job;
  const present = flights.get(id);
  if (present && isJoinable(present, began)) return present;
  const flight = startFlight<Dated<T>>(async (flight, signal) => {
    const part = { ...job, signal, flight };
    try {
      return await (reachable ? claimed(x, part) : alone(x, part, true));
    } finally {
      land(part);
    }
  });
  flights.set(id, flight);
  return flight;
}

/** A job inside its flight: the signal is the flight's. */
interface Part<T> extends Job<T> {
  readonly signal: AbortSignal;
  readonly flight: Flight<Dated<T>>;
}

function land<T>({ id, flight, flights }: Part<T>): void {
  if (flights.get(id) === flight) flights.delete(id);
}

/** Asks Redis who loads, until there is a value, a lease, a failure, or no more patience. */
async function claimed<T>(x: Context<T>, part: Part<T>): Promise<Dated<T>> {
  const token = createToken();
  const start = performance.now();
  let refused = "";
  let waited = "";
  for (let pause = 25; ; pause = Math.min(pause * 1.5, 250)) {
    part.flight.asOf = x.turn();
    const found = await ask(x, part, { token, refused, waited });
    if (!found) return alone(x, part, true);
    if (found.state === "failed") throw new LoadFailedError();
    if (found.state === "lease") return lead(x, part, token);
    const entry = found.state === "hit" && entryIn(x, found.raw);
    if (entry) return heard(x, part, entry.value, performance.now() - start);
    if (performance.now() - start > x.waitTimeout) return alone(x, part, false);
    waited = found.holder;
    // A hit that this cache cannot read counts as a miss, and the script must see it so.
    if (found.state === "hit") refused = headOf(found.raw ?? "");
    else await sleep(jitter(pause), part.signal);
  }
}

function heard<T>(x: Context<T>, { id, flight }: Part<T>, value: T, duration: number): Dated<T> {
  x.expectsHit = true;
  tell(x, "hit", id, { duration });
  return { value, source: "hit", degraded: false, asOf: flight.asOf ?? 0 };
}

/** One claim, or `undefined` where Redis did not answer. */
async function ask<T>(
  x: Context<T>,
  part: Part<T>,
  { token, refused, waited }: { readonly token: string; readonly refused: string; readonly waited: string },
): Promise<Claim | undefined> {
  const leaseTtl = x.hardTimeout + 2 * x.timeout;
  const values = { ...keysOf(x, part.id), token, leaseTtl, early: 0, refused, waited };
  try {
    return await trip(x, part.signal, (options) => claim(x.redis, values, options));
  } catch (error) {
    // Redis may have granted the lease and be unable to say so; nobody should wait for us then.
    void release(x, part, token, 0);
    giveUp(x, part, error);
    return undefined;
  }
}

/** Loads without a lease: the value is returned and not kept. */
async function alone<T>(x: Context<T>, part: Part<T>, degraded: boolean): Promise<Dated<T>> {
  const asOf = x.turn();
  part.flight.asOf = asOf;
  return { value: await loaded(x, part), source: "load", degraded, asOf };
}

/** Loads with the lease and writes the value, unless the lease is gone. */
async function lead<T>(x: Context<T>, part: Part<T>, token: string): Promise<Dated<T>> {
  const { id, flight } = part;
  const start = performance.now();
  const began = x.turn();
  flight.guarded = true;
  tell(x, "miss", id);
  x.expectsHit = false;
  let value: T;
  try {
    value = await loaded(x, part);
  } catch (error) {
    await release(x, part, token, failureMark);
    throw error;
  }
  // Whoever comes from now on did not see this flight begin before the write; they ask Redis.
  land(part);
  const written = x.turn();
  const landed = await keep(x, part, token, value, performance.now() - start);
  return { value, source: "load", degraded: landed === undefined, asOf: landed ? written : began };
}

/** How long the mark of a failed load waits for those who waited for the load, in milliseconds. */
const failureMark = 2_000;

/** Whether the value was written; `undefined` where Redis did not say. */
async function keep<T>(
  x: Context<T>,
  part: Part<T>,
  token: string,
  value: T,
  delta: number,
): Promise<boolean | undefined> {
  const { id, ttl } = part;
  try {
    const raw = encodeEntry(x.encode(value), { extra: 0, delta, tags: new Map() });
    const values = { ...keysOf(x, id), token, value: raw, ttl: lifetime(x, ttl) };
    const landed = await trip(x, undefined, (options) => fill(x.redis, values, options));
    if (!landed) tell(x, "refused", id);
    return landed;
  } catch (error) {
    await release(x, part, token, 0);
    giveUp(x, part, error);
    return undefined;
  }
}

/** The TTL, shortened at random so that what was written together does not expire together. */
export function lifetime({ jitter }: Pick<Context<never>, "jitter">, ttl: number): number {
  return Math.max(1, Math.round(ttl * (1 - jitter * Math.random())));
}

async function loaded<T>(x: Context<T>, { id, load, signal }: Part<T>): Promise<T> {
  const start = performance.now();
  try {
    const late = (timeout: number) => new LoadTimeoutError(timeout);
    const value = await withDeadline(x.hardTimeout, signal, async (signal) => load({ signal }), late);
    tell(x, "load", id, { duration: performance.now() - start });
    return value;
  } catch (error) {
    tell(x, "load-error", id, { duration: performance.now() - start, error });
    throw error;
  }
}

/** Gives the lease back. If Redis cannot be told, the lease ends by itself. */
async function release<T>(x: Context<T>, { id }: Part<T>, token: string, ttl: number): Promise<void> {
  const { lease } = keysOf(x, id);
  try {
    await trip(x, undefined, (options) => yieldLease(x.redis, { lease, token, ttl }, options));
  } catch (error) {
    tell(x, "error", id, { error });
  }
}
