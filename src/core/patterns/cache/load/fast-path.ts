import { checkDuration, checkFunction, checkOptions } from "../../../check.ts";
import { type CacheContext, failOpen, report } from "../context.ts";
import { decodePlain } from "../format/entry.ts";
import type { GetOrSetOptions } from "../options.ts";
import type { Load } from "./call.ts";

/** The arguments of one call. */
export interface FastCall<T> {
  readonly id: string;
  readonly load: Load<T>;
  readonly options: GetOrSetOptions | undefined;
}

/**
 * Serves a hit of plain JSON without tags and stale time by one plain GET, one `JSON.parse` and one promise, as was measured. Every other
 * call goes the slow path, with `down` if Redis did not answer.
 * @throws {OptionError} The id, the loader or an option can never work.
 */
export function fastPath<T, R>(
  context: CacheContext<T>,
  { id, load, options }: FastCall<T>,
  toAnswer: (value: T) => R,
  slowPath: (down: boolean) => Promise<R>,
): Promise<R> {
  try {
    const { entry } = context.format.keys(context, id);
    checkFunction("load", load);
    checkOptions(options, "{ ttl: minutes(5) }");
    if (options?.ttl !== undefined) checkDuration("ttl", options.ttl);
    const isHitLikely = context.hasFastPath && context.expectsHit && !context.breaker.open;
    if (!isHitLikely || options?.signal || options?.tags?.length) return slowPath(false);
    const start = context.onEvent ? performance.now() : 0;
    const onReply = (raw: unknown) => {
      context.breaker.succeeded();
      const found = typeof raw === "string" ? decodePlain<T>(raw) : undefined;
      if (found) {
        if (context.onEvent) report(context, "hit", id, { duration: performance.now() - start });
        return toAnswer(found.value);
      }
      // The slow path then begins with the script, which reads again and claims at once.
      context.expectsHit = false;
      return slowPath(false);
    };
    const onFailure = (error: unknown) => {
      context.breaker.failed(error);
      failOpen(context, { id, signal: undefined }, error);
      return slowPath(true);
    };
    return context.redis.send(["GET", entry], { timeout: context.timeout, idempotent: true }).then(onReply, onFailure);
  } catch (error) {
    return Promise.reject(error);
  }
}
