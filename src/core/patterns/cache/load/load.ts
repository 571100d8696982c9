import { RedisPatternsError } from "../../../errors.ts";
import { failureOf } from "../../../failure.ts";
import { withDeadline } from "../../../time/deadline.ts";
import { type CacheContext, keysOf, report, trip, wakeArg } from "../context.ts";
import { LoadTimeoutError } from "../errors.ts";
import { type DatedAnswer, type Flight, removeFlight, startFlight } from "../flight.ts";
import { failureMark, unkeptMark } from "../format/lease.ts";
import { lifetimeOf, storedTtl } from "../freshness.ts";
import { fillEntry } from "../scripts/fill.lua.ts";
import { prepareTags, readTags } from "../tags.ts";
import type { CacheCall, FlightCall, LoadCall, Run } from "./call.ts";
import { type Leases, releaseLeases, whileLeased } from "./lease.ts";
import { createWishes, type Wishes } from "./wishes.ts";

/** Runs a loader for at most `hardTimeout`, and reports its end for each key. */
export async function runLoader<R>(
  context: CacheContext,
  ids: readonly string[],
  signal: AbortSignal | undefined,
  load: (signal: AbortSignal) => R | Promise<R>,
): Promise<R> {
  const start = performance.now();
  const reportAll = (type: string, error?: unknown) => {
    for (const id of ids) report(context, type, id, { duration: performance.now() - start, error });
  };
  try {
    const late = (timeout: number) => new LoadTimeoutError(timeout);
    const loaded = await withDeadline(context.hardTimeout, signal, async (signal) => load(signal), late);
    reportAll("load");
    return loaded;
  } catch (error) {
    reportAll("load-error", error);
    throw error;
  }
}

/** Runs a loader for keys of which some have leases here; if it fails the leases are given back. */
export async function runLeased<R>(
  context: CacheContext,
  { signal, background }: Pick<CacheCall, "signal" | "background">,
  { leases, ids }: { readonly leases: Leases; readonly ids: readonly string[] },
  load: (signal: AbortSignal) => R | Promise<R>,
): Promise<R> {
  for (const id of ids) report(context, "miss", id);
  try {
    return await runLoader(context, ids, signal, load);
  } catch (error) {
    // A load that all its callers have left has not failed: a call that waits for it elsewhere takes it over.
    const left = signal?.aborted;
    const released = releaseLeases(context, leases, left ? "" : failureMark(leases.token, error));
    if (left) background(released);
    else await released;
    throw error;
  }
}

/** A value that was loaded under a lease. */
export interface Loaded<T> {
  readonly id: string;
  readonly token: string;
  /** The nonces that the tags had before the load began. */
  readonly nonces: ReadonlyMap<string, string>;
  readonly value: T;
  /** What the loader asked for. */
  readonly wishes: Wishes;
  /** The time that the load took, in milliseconds. */
  readonly loadTime: number;
}

/**
 * Writes a loaded value, unless its lease is gone. Returns `true` if it was written and the tags to verify still have their nonces, and
 * `undefined` if that could not be found out.
 */
export async function storeLoaded<T>(
  context: CacheContext<T>,
  call: CacheCall,
  loaded: Loaded<T>,
  verify: readonly string[],
): Promise<boolean | undefined> {
  const { redis, background } = call;
  const { id, token } = loaded;
  try {
    const isCurrent = await writeLoaded(context, call, loaded, verify);
    if (!isCurrent) report(context, "refused", id);
    return isCurrent;
  } catch (error) {
    report(context, "error", id, { error });
    // The callers that wait need not try in turn what could not be done here.
    const released = releaseLeases(context, { redis, ids: [id], token }, unkeptMark(token));
    if (failureOf(error) === "outage") background(released);
    else await released;
    return undefined;
  }
}

async function writeLoaded<T>(
  context: CacheContext<T>,
  { redis, times }: CacheCall,
  { id, token, value, loadTime, ...loaded }: Loaded<T>,
  verify: readonly string[],
): Promise<boolean> {
  const wished = await loaded.wishes.outcome();
  const { ttl, staleTime } = lifetimeOf(wished.times, value);
  const tags = new Map([...wished.nonces, ...loaded.nonces]);
  const payload = await context.encode(id, value);
  const raw = context.format.write(payload, { staleTime, loadTime, tags });
  const values = { ...keysOf(context, id), token, ttl, value: raw, wake: wakeArg(context) };
  // A tag outlives every entry that has it.
  const outlives = storedTtl(wished.times) <= storedTtl(times);
  const checked = outlives ? [...new Set([...verify, ...wished.nonces.keys()])] : [...tags.keys()];
  const [written, now] = await trip(context, undefined, (options) =>
    Promise.all([
      fillEntry(redis, values, options),
      outlives ? readTags(context, checked, options) : prepareTags(context, checked, wished.times, options),
    ]),
  );
  return written && checked.every((tag) => now.get(tag) === tags.get(tag));
}

/** Loads without a lease: the value is returned and not kept. While Redis is down the throttle limits how many loads run at once. */
export async function loadUnleased<T>(
  context: CacheContext<T>,
  { id, flight, signal, load, times }: FlightCall<T>,
  degraded: boolean,
): Promise<DatedAnswer<T>> {
  const start = async (): Promise<DatedAnswer<T>> => {
    const asOf = context.nextTurn();
    flight.asOf = asOf;
    const { setTtl, setTags } = createWishes(context, times);
    const value = await runLoader(context, [id], signal, (signal) => load({ signal, setTtl, setTags }));
    return { value, source: "load", degraded, asOf };
  };
  flight.asOf = undefined;
  return degraded ? context.throttle.run(signal, start) : start();
}

/** Reports that a value is loaded and not kept, although Redis answers. */
export function reportBeside(context: CacheContext, id: string, reason: string): void {
  if (!context.onEvent) return;
  report(context, "not-kept", id, { error: new RedisPatternsError("NOT_KEPT", `The value is not kept: ${reason}`) });
}

/** Loads without a lease beside the loads of others, for a reason that is reported. */
export function loadBeside<T>(context: CacheContext<T>, call: FlightCall<T>, reason: string): Promise<DatedAnswer<T>> {
  reportBeside(context, call.id, reason);
  return loadUnleased(context, call, false);
}

/** Loads with the lease and writes the value, unless the lease is gone. */
export function loadLeased<T>(
  context: CacheContext<T>,
  call: FlightCall<T>,
  { holder: token, nonces }: { readonly holder: string; readonly nonces: ReadonlyMap<string, string> },
): Promise<DatedAnswer<T>> {
  const start = performance.now();
  const began = context.nextTurn();
  call.flight.leased = true;
  context.expectsHit = false;
  const { redis, id, load, times } = call;
  const leases = { redis, ids: [id], token };
  const wishes = createWishes(context, times);
  const { setTtl, setTags } = wishes;
  return whileLeased(context, leases, async () => {
    const value = await runLeased(context, call, { leases, ids: [id] }, (signal) => load({ signal, setTtl, setTags }));
    // A caller that comes from now on may follow an invalidation that comes after the write below: it asks Redis.
    removeFlight(call);
    const written = context.nextTurn();
    const loaded = { id, token, nonces, value, wishes, loadTime: performance.now() - start };
    const stored = await storeLoaded(context, call, loaded, call.tags);
    return { value, source: "load", degraded: stored === undefined, asOf: stored ? written : began };
  });
}

/** Starts a flight in which a key is claimed and loaded. */
export function startLoad<T>(
  context: CacheContext<T>,
  call: LoadCall<T>,
  run: Run<T>,
): Flight<DatedAnswer<T> | undefined> {
  const copies = (answer: DatedAnswer<T> | undefined) => {
    const copy = answer && context.copies(answer.value);
    return () => answer && copy && { ...answer, value: copy() };
  };
  const flight = startFlight<DatedAnswer<T> | undefined>(async (flight, signal) => {
    const inFlight = { ...call, signal, flight };
    try {
      return await run(inFlight);
    } finally {
      removeFlight(inFlight);
    }
  }, copies);
  call.flights.set(call.id, flight);
  return flight;
}

/** Starts a flight that no caller waits for: its failure is reported as an event. */
export function runInBackground<T>(context: CacheContext<T>, call: LoadCall<T>, run: Run<T>): void {
  call.background(
    startLoad(context, call, run)
      .join()
      .catch(() => undefined),
  );
}
