import type { Reply } from "../port/redis.ts";
import { texts } from "../port/reply.ts";
import { newestIdOfLog } from "../script/append.lua.ts";
import { defineScript } from "../script/define-script.ts";
import { decodeEntry, type LogEntry } from "./format.ts";

/** What was read of a log. */
export interface LogPage {
  /** The oldest comes first. */
  readonly entries: readonly LogEntry[];
  /** Whether there are more entries after these. */
  readonly more: boolean;
  /** The id that was given last; 0-0 if none was, or nobody remembers. */
  readonly newest: string;
}

// Reads what came after an id, and the id that was given last, at one moment. An answer ends after 1,024 entries or 256 kB, with the 65 entries
// that reach one of them. A range that leaves its start out is known since Redis 6.2 only. Without a start nothing is read but the last id.
export const replayScript = defineScript({
  keys: ["log", "last"],
  args: ["from"],
  decode: decodePage,
  lua: `
${newestIdOfLog}
local found = {newestId(), "0"}
local bytes = 0
while from ~= "" do
  local entries = redis.call("XRANGE", log, from, "+", "COUNT", 65)
  for _, entry in ipairs(entries) do
    if entry[1] ~= from then
      found[#found + 1] = entry[1]
      found[#found + 1] = entry[2][1]
      found[#found + 1] = entry[2][2]
      bytes = bytes + #entry[2][2]
    end
  end
  if #entries < 65 then
    return found
  end
  from = entries[65][1]
  if bytes > 262144 or #found > 3072 then
    found[2] = "1"
    return found
  end
end
return found`,
});

function decodePage(reply: Reply): LogPage {
  const [newest = "0-0", more, ...found] = texts(reply);
  const entries: LogEntry[] = [];
  for (let i = 0; i < found.length; i += 3) entries.push(decodeEntry(found[i] ?? "", found[i + 1], found[i + 2] ?? ""));
  return { entries, more: more === "1", newest };
}
