import { withDeadline } from "../../../time/deadline.ts";
import { type Context, keysOf, type Shared, tell, trip, wakes } from "../context.ts";
import { LoadTimeoutError } from "../errors.ts";
import { fill, yieldLease } from "../scripts/fill.lua.ts";
import { type Dated, land } from "../flight.ts";
import { lifetimeOf } from "../freshness.ts";
import type { Part } from "./call.ts";
import { areCurrent, readTags } from "../tags.ts";

/** Loads without a lease: the value is returned and not kept. While Redis is down only so many loads run at once. */
export async function alone<T>(x: Context<T>, part: Part<T>, degraded: boolean): Promise<Dated<T>> {
  const start = () => {
    const asOf = x.turn();
    part.flight.asOf = asOf;
    return loaded(x, part).then((value): Dated<T> => ({ value, source: "load", degraded, asOf }));
  };
  part.flight.asOf = undefined;
  return degraded ? x.throttle.run(part.signal, start) : start();
}

/** Loads with the lease and writes the value, unless the lease is gone. */
export async function lead<T>(
  x: Context<T>,
  part: Part<T>,
  token: string,
  nonces: ReadonlyMap<string, string>,
): Promise<Dated<T>> {
  const start = performance.now();
  const began = x.turn();
  part.flight.guarded = true;
  x.expectsHit = false;
  tell(x, "miss", part.id);
  let value: T;
  try {
    value = await loaded(x, part);
  } catch (error) {
    await release(x, part, token, failureMark(part.signal));
    throw error;
  }
  // Whoever comes from now on did not see this flight begin before the write; they ask Redis.
  land(part);
  const written = x.turn();
  const landed = await keep(x, part, { token, nonces, value, delta: performance.now() - start });
  return { value, source: "load", degraded: landed === undefined, asOf: landed ? written : began };
}

/**
 * How long the mark of a failed load waits for those who waited for the load, in milliseconds. A load that everybody left has not
 * failed: whoever waits for it elsewhere takes it over.
 */
export function failureMark(signal: AbortSignal | undefined): number {
  return signal?.aborted ? 0 : 2_000;
}

/** A value that was loaded with a lease. */
export interface Loaded<T> {
  readonly token: string;
  readonly nonces: ReadonlyMap<string, string>;
  readonly value: T;
  readonly delta: number;
}

/** Whether the value was written and its tags still stand; `undefined` where that could not be found out. */
async function keep<T>(x: Context<T>, part: Part<T>, loaded: Loaded<T>): Promise<boolean | undefined> {
  try {
    return await write(x, part, loaded, part.tags);
  } catch (error) {
    part.later(release(x, part, loaded.token, 0));
    tell(x, "error", part.id, { error });
    return undefined;
  }
}

/** Writes a loaded value, unless the lease is gone. Answers whether it was written and the tags to verify still stand. */
export async function write<T>(
  x: Context<T>,
  { id, times }: Pick<Part<T>, "id" | "times">,
  { token, nonces, value, delta }: Loaded<T>,
  verify: readonly string[],
): Promise<boolean> {
  const { ttl, extra } = lifetimeOf(times, value);
  const raw = x.format.write(await x.encode(id, value), { extra, delta, tags: nonces });
  const values = { ...keysOf(x, id), token, ttl, value: raw, wake: wakes(x) };
  const [landed, now] = await trip(x, undefined, (options) =>
    Promise.all([fill(x.redis, values, options), readTags(x, verify, options)]),
  );
  const stands = landed && (verify.length === 0 || areCurrent(nonces, now));
  if (!stands) tell(x, "refused", id);
  return stands;
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
export async function release(x: Shared, { id }: { readonly id: string }, token: string, ttl: number): Promise<void> {
  const { lease } = keysOf(x, id);
  try {
    await trip(x, undefined, (options) => yieldLease(x.redis, { lease, token, ttl, wake: wakes(x) }, options));
  } catch (error) {
    tell(x, "error", id, { error });
  }
}
