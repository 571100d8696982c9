import { ConnectionError } from "../errors.ts";
import { type Context, type Decoded, giveUp, keysOf, tell } from "./context.ts";

/**
 * The hit path where there is nothing to it: an entry of plain JSON without tags and stale time. One plain GET, one `JSON.parse`.
 * Anything else is `undefined`, and the long way finds out. `down` is that Redis did not answer.
 */
export async function quick<T>(x: Context<T>, id: string): Promise<Decoded<T> | "down"> {
  const start = x.onEvent ? performance.now() : 0;
  try {
    const raw = await x.patience(x.redis.send(["GET", keysOf(x, id).entry]));
    x.breaker.succeeded();
    const found = typeof raw === "string" ? plainEntry<T>(raw) : undefined;
    // The long way then begins with the script, which reads again and claims at once.
    if (!found) x.expectsHit = false;
    else if (x.onEvent) tell(x, "hit", id, { duration: performance.now() - start });
    return found;
  } catch (error) {
    if (error instanceof ConnectionError) x.breaker.failed();
    giveUp(x, { id, signal: undefined }, error);
    return "down";
  }
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
