import { checkDuration } from "../../../check.ts";
import { type CacheContext, trip } from "../context.ts";
import type { Times } from "../freshness.ts";
import { prepareTags, tagsOf } from "../tags.ts";

/** What a loader gets. */
export interface LoadContext {
  /** Aborts when the last caller has left, or when the load took longer than `hardTimeout`. */
  readonly signal: AbortSignal;
  /** Sets the time for which the loaded value is fresh, in milliseconds. A number that is no such time is reported, and the value not kept. */
  readonly setTtl: (ttl: number) => void;
  /**
   * Adds tags to those of the call. It never rejects: a tag that is no text is reported, and the value not kept. What invalidates such a
   * tag before the promise has resolved is not noticed, so await it before you read what the tag stands for.
   */
  readonly setTags: (tags: readonly string[]) => Promise<void>;
}

/** What a loader asked for: the times of its value, and further tags with their nonces. */
export interface Wished {
  readonly times: Times;
  readonly nonces: ReadonlyMap<string, string>;
}

/** What a loader asks for while it loads the value of one key. */
export interface Wishes extends Pick<LoadContext, "setTtl" | "setTags"> {
  /**
   * Waits until the tags are known.
   * @throws The mistake in what the loader asked for, or the failure of Redis.
   */
  outcome(): Promise<Wished>;
}

/** Takes what a loader asks for. A mistake is not thrown into the loader: the caller gets the value all the same. */
export function createWishes(context: CacheContext, times: Times): Wishes {
  const nonces = new Map<string, string>();
  const works: Promise<void>[] = [];
  let wished = times;
  const addTags = async (tags: readonly string[]) => {
    const names = tagsOf({ commonTags: [], format: context.format }, tags);
    const found = await trip(context, undefined, (options) => prepareTags(context, names, wished, options));
    // The nonce from before the data was read counts.
    for (const [tag, nonce] of found) nonces.set(tag, nonces.get(tag) ?? nonce);
  };
  const add = (work: Promise<void>) => {
    works.push(work);
    return work.catch(() => {});
  };
  return {
    setTtl(ttl) {
      void add(
        (async () => {
          const fresh = checkDuration("ttl", ttl);
          const { negativeTtl } = times;
          wished = { ...times, ttl: fresh, negativeTtl: negativeTtl === undefined ? undefined : fresh };
        })(),
      );
    },
    setTags: (tags) => add(addTags(tags)),
    async outcome() {
      await Promise.all(works);
      return { times: wished, nonces };
    },
  };
}
