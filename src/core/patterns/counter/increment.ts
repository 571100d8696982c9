import { checkChange, type ChangeOptions, rememberRequest } from "../../request.ts";
import { keyOf } from "../../keys.ts";
import { checkBy } from "./check-count.ts";
import type { CounterContext } from "./context.ts";
import { mostCount } from "./format.ts";
import { incrementScript } from "./scripts/increment.lua.ts";

/** A change with its bounds. */
export interface Increment {
  /** The kind of change. Each kind has request ids of its own. */
  readonly operation: string;
  readonly by: number;
  readonly min?: number;
  readonly max?: number;
}

/** @returns The answer of the script. */
export function incrementCounter(
  { redis, namespace, ttl, requestTtl }: CounterContext,
  id: string,
  { operation, by, min = -mostCount, max = mostCount }: Increment,
  options: ChangeOptions | undefined,
): Promise<string> {
  const call = checkChange(options) ?? {};
  const values = {
    counter: keyOf(namespace, id),
    ...rememberRequest(namespace, id, operation, call, requestTtl),
    by: checkBy(by),
    min,
    max,
    ttl,
  };
  return incrementScript(redis, values, { signal: call.signal, idempotent: true });
}
