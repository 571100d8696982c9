import { ReplyError } from "../../core/errors.ts";
import type { Reply } from "../../core/port/redis.ts";
import type { EngineModule } from "./engine-types.ts";

/** What the engine answers. */
export type EngineReply = ReturnType<EngineModule["RedisResult"]["ok"]>["value"];

/** Gives a reply the shape that it has in RESP2. An error is a value. */
export function toReply(value: EngineReply, bytes = false): Reply | ReplyError {
  return value.kind === "error" ? toReplyError(value) : decode(value, bytes);
}

function toReplyError({ message, code }: { readonly message: string; readonly code?: string }): ReplyError {
  return new ReplyError(code ? `${code} ${message}` : message);
}

function decode(value: EngineReply, bytes: boolean): Reply {
  const decodeAll = (values: readonly EngineReply[]) => values.map((value) => decode(value, bytes));
  switch (value.kind) {
    case "integer":
      return decodeInteger(BigInt(value.value), bytes);
    case "boolean":
      return value.value ? 1 : 0;
    case "double":
      return String(value.value).replace("Infinity", "inf").replace("NaN", "nan");
    case "simple-string":
    case "big-number":
      return String(value.value);
    case "bulk-string":
    case "verbatim":
      return value.value && value.value.toString(bytes ? "latin1" : "utf8");
    case "array":
    case "set":
    case "push":
      return decodeAll(value.items);
    case "map":
    case "flat-pairs":
      return decodeAll(value.entries.flat());
    case "map-pairs":
      return value.entries.map(decodeAll);
    case "error":
      throw toReplyError(value);
    case "null":
    case "null-array":
    default:
      return null;
  }
}

function decodeInteger(value: bigint, bytes: boolean): Reply {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  return bytes ? value : String(value);
}
