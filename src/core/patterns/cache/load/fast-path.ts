import { checkFunction, checkDuration } from "../../../check.ts";
import { ConnectionError } from "../../../errors.ts";
import { type Context, giveUp, tell } from "../context.ts";
import { decodePlain } from "../format/entry.ts";
import type { GetOrSetOptions } from "../options.ts";
import type { Load } from "./call.ts";

/** One call, as its caller made it. */
export interface Asked<T> {
  readonly id: string;
  readonly load: Load<T>;
  readonly options: GetOrSetOptions | undefined;
}

/**
 * The hit path where there is nothing to it: an entry of plain JSON without tags and stale time. One plain GET, one `JSON.parse`, one
 * promise. Anything else goes the long way, which is told whether Redis did not answer.
 * @throws {OptionError} The id, the loader or an option can never work.
 */
export function quick<T, R>(
  x: Context<T>,
  { id, load, options }: Asked<T>,
  hit: (value: T) => R,
  longWay: (down: boolean) => Promise<R>,
): Promise<R> {
  try {
    const { entry } = x.format.keys(x.prefix, id);
    checkFunction("load", load);
    if (options?.ttl !== undefined) checkDuration("ttl", options.ttl);
    const hits = x.quick && x.expectsHit && !x.breaker.open;
    if (!hits || options?.signal || options?.tags?.length) return longWay(false);
    const start = x.onEvent ? performance.now() : 0;
    const kept = (raw: unknown) => {
      x.breaker.succeeded();
      const found = typeof raw === "string" ? decodePlain<T>(raw) : undefined;
      if (found) {
        if (x.onEvent) tell(x, "hit", id, { duration: performance.now() - start });
        return hit(found.value);
      }
      // The long way then begins with the script, which reads again and claims at once.
      x.expectsHit = false;
      return longWay(false);
    };
    const lost = (error: unknown) => {
      if (error instanceof ConnectionError) x.breaker.failed();
      giveUp(x, { id, signal: undefined }, error);
      return longWay(true);
    };
    return x.redis.send(["GET", entry], { timeout: x.timeout, idempotent: true }).then(kept, lost);
  } catch (error) {
    return Promise.reject(error);
  }
}
