import { checkList, checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { perSlot, readStrings } from "../../port/multi-key.ts";
import type { SendOptions } from "../../port/redis.ts";
import { integer } from "../../port/reply.ts";
import type { CacheContext } from "./context.ts";
import { createStamp, refuseUnsupported } from "./format/entry.ts";
import { clearKey, tagKey } from "./format/keys.ts";
import { leaseTtl, storedTtl, type Times } from "./freshness.ts";
import { ensureTags } from "./scripts/tags.lua.ts";

/** Nonces by tag; `null` where a tag has none. */
export type Nonces = ReadonlyMap<string, string | null>;

/** The tag of all entries of a clearable cache, which `clear` invalidates. A tag of the user is never empty. */
export const clearTag = "";

/** The most tags of one call. The script that prepares them runs two or three commands for each. */
const maxTags = 1_000;

type Tagged = Pick<CacheContext, "commonTags" | "format">;

/**
 * The tags of one call: the common ones and the caller's, each once.
 * @throws {OptionError} They are no list of texts, more than 1,000, or the format has no room for tags.
 */
export function tagsOf({ commonTags, format }: Tagged, tags: readonly string[] = []): readonly string[] {
  if (checkList("tags", tags).length === 0) return commonTags;
  refuseUnsupported(format, (name) => name === "tags");
  if (tags.length > maxTags) throw new OptionError(`\`tags\` must have at most ${maxTags} tags in one call`);
  return [...new Set([...commonTags, ...tags.map((tag) => checkText("tags", tag))])];
}

export function tagKeys(context: CacheContext, tags: readonly string[]): string[] {
  return tags.map((tag) => (tag === clearTag ? clearKey(context) : tagKey(context, tag)));
}

/** Reads the nonces that the tags have now. */
export async function readTags(context: CacheContext, tags: readonly string[], options: SendOptions): Promise<Nonces> {
  if (tags.length === 0) return new Map();
  const { strings } = await readStrings(context.redis, tagKeys(context, tags), [], options);
  return new Map(tags.map((tag, i) => [tag, strings[i] ?? null]));
}

/** Reads the nonces of tags, and gives one to each tag that has none. They outlive every entry that is stored with them. */
export async function prepareTags(
  context: CacheContext,
  tags: readonly string[],
  times: Times,
  options: SendOptions,
): Promise<ReadonlyMap<string, string>> {
  if (tags.length === 0) return new Map();
  const nonce = createStamp();
  const ttl = storedTtl(times) + leaseTtl(context);
  const nonces = await perSlot(context.redis, tagKeys(context, tags), (keys) =>
    ensureTags(context.redis, { tags: keys, nonce, ttl }, options),
  );
  return new Map(tags.map((tag, i) => [tag, nonces[i] ?? ""]));
}

/** Makes every entry with one of the tags a miss. Returns the number of tags that were in use. */
export async function dropTags(context: CacheContext, tags: readonly string[], options: SendOptions): Promise<number> {
  const counts = await perSlot(context.redis, tagKeys(context, tags), async (keys) => [
    integer(await context.redis.send(["UNLINK", ...keys], options)),
  ]);
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Whether the tags of an entry still have the nonces that it was stored with. */
export function areCurrent(tags: ReadonlyMap<string, string>, nonces: Nonces): boolean {
  return Array.from(tags).every(([tag, nonce]) => nonces.get(tag) === nonce);
}
