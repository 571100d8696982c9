import type { Reply } from "../../../port/redis.ts";
import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";
import { decodeItem, type FeedItem } from "../format.ts";

/** What was found in a feed. */
export interface Found {
  readonly items: readonly FeedItem<unknown>[];
  /** The id of the newest item that was trimmed; empty if none was. */
  readonly trimmed: string;
}

// Both read from an item on and leave that one out: a range that leaves its end out is known since Redis 6.2 only. The id of the last item
// that was trimmed belongs to the same moment.
const read = (entries: string) => `
local found = {redis.call("GET", trimmed) or ""}
for _, entry in ipairs(${entries}) do
  if entry[1] ~= from then
    found[#found + 1] = entry[1]
    found[#found + 1] = entry[2][1]
    found[#found + 1] = entry[2][2]
  end
end
return found`;

export const pageScript = defineScript({
  keys: ["items", "trimmed"],
  args: ["from", "count"],
  decode: decodeFound,
  lua: read('redis.call("XREVRANGE", items, from, "-", "COUNT", count)'),
});

export const sinceScript = defineScript({
  keys: ["items", "trimmed"],
  args: ["from", "count"],
  decode: decodeFound,
  lua: read('redis.call("XRANGE", items, from, "+", "COUNT", count)'),
});

function decodeFound(reply: Reply): Found {
  const [trimmed = "", ...found] = texts(reply);
  const items: FeedItem<unknown>[] = [];
  for (let i = 0; i < found.length; i += 3) items.push(decodeItem(found[i] ?? "", found[i + 1], found[i + 2]));
  return { items, trimmed };
}
