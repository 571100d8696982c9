import { callable, duration } from "../check.ts";
import { ConnectionError } from "../errors.ts";
import type { GetOrSetOptions } from "./cache.ts";
import { type Context, type Decoded, giveUp, isolated, tell } from "./context.ts";
import type { Load } from "./job.ts";

/** What the hit path found: a value; that Redis did not answer; nothing that it can read. */
export type Quick<T> = Decoded<T> | "down";

/**
 * The hit path where there is nothing to it: an entry of plain JSON without tags and stale time. One plain GET, one `JSON.parse`, one
 * promise. Anything else is `undefined`, and the long way finds out.
 * @throws {OptionError} The id, the loader or an option can never work.
 */
export function quick<T>(
  x: Context<T>,
  id: string,
  load: Load<T>,
  options: GetOrSetOptions | undefined,
): Promise<Quick<T>> | undefined {
  const { entry } = x.format.keys(x.prefix, id);
  callable("load", load);
  if (options?.ttl !== undefined) duration("ttl", options.ttl);
  const hits = x.quick && x.expectsHit && !x.breaker.open;
  if (!hits || options?.signal || options?.tags?.length || isolated()) return undefined;
  const start = x.onEvent ? performance.now() : 0;
  return x.patience(
    x.redis.send(["GET", entry]),
    (raw): Quick<T> => {
      x.breaker.succeeded();
      const found = typeof raw === "string" ? plainEntry<T>(raw) : undefined;
      // The long way then begins with the script, which reads again and claims at once.
      if (!found) x.expectsHit = false;
      else if (x.onEvent) tell(x, "hit", id, { duration: performance.now() - start });
      return found;
    },
    (error: unknown) => {
      if (error instanceof ConnectionError) x.breaker.failed();
      giveUp(x, { id, signal: undefined }, error);
      return "down";
    },
  );
}

const plain = "~1j,,";

function plainEntry<T>(raw: string): Decoded<T> {
  const end = raw.startsWith(plain) ? raw.indexOf(";") : -1;
  if (end < 0 || raw.lastIndexOf("=", end) > 0) return undefined;
  try {
    return { value: JSON.parse(raw.slice(end + 1)) };
  } catch {
    return undefined;
  }
}
