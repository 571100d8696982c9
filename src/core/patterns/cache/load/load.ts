import type { Redis } from "../../../port/redis.ts";
import { withDeadline } from "../../../time/deadline.ts";
import { type CacheContext, keysOf, report, trip, wakeArg } from "../context.ts";
import { LoadTimeoutError } from "../errors.ts";
import { type DatedAnswer, type Flight, removeFlight, startFlight } from "../flight.ts";
import { lifetimeOf } from "../freshness.ts";
import { endLoad, fillEntry } from "../scripts/fill.lua.ts";
import { readTags } from "../tags.ts";
import type { CacheCall, FlightCall, LoadCall, Run } from "./call.ts";

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

/** Leases that this process holds. */
export interface Leases {
  /** The port by which they are given back. */
  readonly redis: Redis;
  readonly ids: readonly string[];
  /** The text that the leases hold. */
  readonly token: string;
}

/** Runs a loader for keys whose leases are held; if it fails they are given back. */
export async function runLeased<R>(
  context: CacheContext,
  leases: Leases,
  signal: AbortSignal | undefined,
  load: (signal: AbortSignal) => R | Promise<R>,
): Promise<R> {
  for (const id of leases.ids) report(context, "miss", id);
  try {
    return await runLoader(context, leases.ids, signal, load);
  } catch (error) {
    // A load that all its callers have left has not failed: a call that waits for it elsewhere takes it over.
    await releaseLeases(context, leases, signal?.aborted ? 0 : failedFor);
    throw error;
  }
}

/** The time for which the mark of a failed load stays for the calls that waited for the load, in milliseconds. */
const failedFor = 2_000;

/**
 * Gives leases back, in one trip; for `ttl` milliseconds the mark of a failed load takes their place. If Redis is not reached they end by
 * themselves.
 */
export async function releaseLeases(context: CacheContext, { redis, ids, token }: Leases, ttl = 0): Promise<void> {
  const ends = ids.map((id) => ({ lease: keysOf(context, id).lease, token, ttl, wake: wakeArg(context) }));
  await trip(context, undefined, (options) => Promise.all(ends.map((end) => endLoad(redis, end, options)))).catch(
    (error: unknown) => report(context, "error", ids[0] ?? "", { error }),
  );
}

/** A value that was loaded under a lease. */
export interface Loaded<T> {
  readonly id: string;
  readonly token: string;
  /** The nonces that the tags had before the load began. */
  readonly nonces: ReadonlyMap<string, string>;
  readonly value: T;
  /** The time that the load took, in milliseconds. */
  readonly loadTime: number;
}

/**
 * Writes a loaded value, unless its lease is gone. Returns `true` if it was written and the tags to verify still have their nonces, and
 * `undefined` if that could not be found out.
 */
export async function storeLoaded<T>(
  context: CacheContext<T>,
  { redis, times, background }: CacheCall,
  { id, token, nonces, value, loadTime }: Loaded<T>,
  verify: readonly string[],
): Promise<boolean | undefined> {
  try {
    const { ttl, staleTime } = lifetimeOf(times, value);
    const raw = context.format.write(await context.encode(id, value), { staleTime, loadTime, tags: nonces });
    const values = { ...keysOf(context, id), token, ttl, value: raw, wake: wakeArg(context) };
    const [written, now] = await trip(context, undefined, (options) =>
      Promise.all([fillEntry(redis, values, options), readTags(context, verify, options)]),
    );
    const isCurrent = written && verify.every((tag) => now.get(tag) === nonces.get(tag));
    if (!isCurrent) report(context, "refused", id);
    return isCurrent;
  } catch (error) {
    background(releaseLeases(context, { redis, ids: [id], token }));
    report(context, "error", id, { error });
    return undefined;
  }
}

/** Loads without a lease: the value is returned and not kept. While Redis is down the throttle limits how many loads run at once. */
export async function loadUnleased<T>(
  context: CacheContext<T>,
  { id, flight, signal, load }: FlightCall<T>,
  degraded: boolean,
): Promise<DatedAnswer<T>> {
  const start = async (): Promise<DatedAnswer<T>> => {
    const asOf = context.nextTurn();
    flight.asOf = asOf;
    const value = await runLoader(context, [id], signal, (signal) => load({ signal }));
    return { value, source: "load", degraded, asOf };
  };
  flight.asOf = undefined;
  return degraded ? context.throttle.run(signal, start) : start();
}

/** Loads with the lease and writes the value, unless the lease is gone. */
export async function loadLeased<T>(
  context: CacheContext<T>,
  call: FlightCall<T>,
  { holder: token, nonces }: { readonly holder: string; readonly nonces: ReadonlyMap<string, string> },
): Promise<DatedAnswer<T>> {
  const start = performance.now();
  const began = context.nextTurn();
  call.flight.leased = true;
  context.expectsHit = false;
  const { redis, id, signal, load } = call;
  const value = await runLeased(context, { redis, ids: [id], token }, signal, (signal) => load({ signal }));
  // A caller that comes from now on may follow an invalidation that comes after the write below: it asks Redis.
  removeFlight(call);
  const written = context.nextTurn();
  const loaded = { id, token, nonces, value, loadTime: performance.now() - start };
  const stored = await storeLoaded(context, call, loaded, call.tags);
  return { value, source: "load", degraded: stored === undefined, asOf: stored ? written : began };
}

/** Starts a flight in which a key is claimed and loaded. */
export function startLoad<T>(call: LoadCall<T>, run: Run<T>): Flight<DatedAnswer<T> | undefined> {
  const flight = startFlight<DatedAnswer<T> | undefined>(async (flight, signal) => {
    const inFlight = { ...call, signal, flight };
    try {
      return await run(inFlight);
    } finally {
      removeFlight(inFlight);
    }
  });
  call.flights.set(call.id, flight);
  return flight;
}

/** Starts a flight that no caller waits for: its failure is reported as an event. */
export function runInBackground<T>(call: LoadCall<T>, run: Run<T>): void {
  call.background(
    startLoad(call, run)
      .join()
      .catch(() => undefined),
  );
}
