import { checkList, checkText } from "../../check.ts";
import { keyOf } from "../../keys.ts";
import type { SendOptions } from "../../port/redis.ts";
import { integer } from "../../port/reply.ts";
import { leaseTtl, type Shared } from "./context.ts";
import { createStamp, refuseBeyond } from "./format/entry.ts";
import { physicalTtl, type Times } from "./freshness.ts";
import { perSlot, readStrings } from "../../port/multi-key.ts";
import { ensureTags } from "./scripts/tags.lua.ts";

/** Nonces by tag; `null` where a tag has none. */
export type Nonces = ReadonlyMap<string, string | null>;

/** The tag that every entry of a clearable cache has. */
export const everything = "";

type Tagged = Pick<Shared, "standing" | "format">;

/** The tags of one call: the caller's, each once, and the one that `clear` invalidates. */
export function tagsOf({ standing, format }: Tagged, tags: readonly string[] = []): readonly string[] {
  if (checkList("tags", tags).length === 0) return standing;
  refuseBeyond(format, (name) => name === "tags");
  return [...new Set([...standing, ...tags.map((tag) => checkText("tags", tag))])];
}

/** The keys of tags. */
export function tagKeys({ prefix }: Shared, tags: readonly string[]): string[] {
  return tags.map((tag) => (tag === everything ? keyOf(prefix, "*", "all") : keyOf(prefix, tag, "tag")));
}

/** What the tags are now. */
export async function readTags(x: Shared, tags: readonly string[], options: SendOptions): Promise<Nonces> {
  if (tags.length === 0) return new Map();
  const { strings } = await readStrings(x.redis, tagKeys(x, tags), [], options);
  return new Map(tags.map((tag, i) => [tag, strings[i] ?? null]));
}

/** What the tags are now; those that are nothing yet become something. They outlive whatever is stored with them. */
export async function prepareTags(
  x: Shared,
  tags: readonly string[],
  times: Times,
  options: SendOptions,
): Promise<ReadonlyMap<string, string>> {
  if (tags.length === 0) return new Map();
  const nonce = createStamp();
  const ttl = physicalTtl(times) + leaseTtl(x);
  const nonces = await perSlot(x.redis, tagKeys(x, tags), (keys) =>
    ensureTags(x.redis, { tags: keys, nonce, ttl }, options),
  );
  return new Map(tags.map((tag, i) => [tag, nonces[i] ?? ""]));
}

/** Makes every entry with one of the tags a miss. Answers how many of the tags were in use. */
export async function dropTags(x: Shared, tags: readonly string[], options: SendOptions): Promise<number> {
  const counts = await perSlot(x.redis, tagKeys(x, tags), async (keys) => [
    integer(await x.redis.send(["UNLINK", ...keys], options)),
  ]);
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Whether the tags still are what they were. */
export function areCurrent(tags: ReadonlyMap<string, string>, nonces: Nonces): boolean {
  return Array.from(tags).every(([tag, nonce]) => nonces.get(tag) === nonce);
}
