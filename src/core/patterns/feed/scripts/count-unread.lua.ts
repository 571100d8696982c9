import { texts } from "../../../port/reply.ts";
import { defineScript } from "../../../script/define-script.ts";

// Answers with the reader's marker, the number of newer items, at most `count`, and the last item that was trimmed. The range begins with
// the marked item itself, if that is still there.
export const countUnreadScript = defineScript({
  keys: ["items", "trimmed", "readers"],
  args: ["reader", "count"],
  decode: texts,
  lua: `
local marker = redis.call("HGET", readers, reader)
local entries = redis.call("XRANGE", items, marker or "-", "+", "COUNT", count)
local unread = #entries
if unread > 0 and entries[1][1] == marker then
  unread = unread - 1
end
return {marker or "", unread, redis.call("GET", trimmed) or ""}`,
});
