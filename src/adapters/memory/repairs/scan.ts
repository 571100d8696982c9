import { setBounded } from "../../../core/bounded-map.ts";
import { unchecked } from "../../../core/unchecked.ts";
import type { Execute } from "./commands.ts";
import type { EngineModule } from "../engine-types.ts";

/** So many scans that nobody went through to the end are remembered. */
const mostScans = 1_000;

/**
 * SCAN over the keys that were there when it began: what stays is found, whatever is deleted meanwhile. The engine's own cursors are
 * positions in a list that shrinks. It matches the keys of one page.
 */
export function createScan({ RedisResult, RedisValue }: EngineModule, execute: Execute): Execute {
  const scans = new Map<string, readonly string[]>();
  let last = 0;
  return (args, context) => {
    const options = unchecked<{ readonly cursor: bigint; readonly count?: number }>(args);
    const { cursor, count = 10 } = options;
    const live = new Map(context.db.entriesSnapshot().map((entry) => [entry.key.toString("latin1"), entry]));
    const keys = cursor === 0n ? [...live.keys()] : (scans.get(String(cursor)) ?? []);
    const entriesSnapshot = () => keys.slice(0, count).flatMap((key) => live.get(key) ?? []);
    const db = unchecked<typeof context.db>({ entriesSnapshot });
    const page = execute({ ...options, cursor: 0n }, { ...context, db });
    const [, found = RedisValue.array([])] = "value" in page && page.value.kind === "array" ? page.value.items : [];
    const rest = keys.slice(count);
    scans.delete(String(cursor));
    last += 1;
    const next = rest.length > 0 ? String(last) : "0";
    if (rest.length > 0) setBounded(scans, next, rest, mostScans);
    return RedisResult.create(RedisValue.array([RedisValue.bulkString(Buffer.from(next)), found]));
  };
}
