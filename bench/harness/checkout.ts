import { join } from "node:path";
import type * as Ioredis from "../../src/adapters/ioredis/index.ts";
import type * as Rest from "../../src/adapters/rest/index.ts";
import type * as Cache from "../../src/core/patterns/cache/index.ts";
import type * as Limiter from "../../src/core/patterns/limiter/index.ts";
import type * as Lock from "../../src/core/patterns/lock/index.ts";
import type * as Session from "../../src/core/patterns/session/index.ts";

/** This checkout of the repository. */
export const thisCheckout = join(import.meta.dirname, "../..");

/** What the benches take from a checkout. */
export interface Patterns {
  readonly ioredis: typeof Ioredis;
  readonly rest: typeof Rest;
  readonly cache: typeof Cache;
  readonly limiter: typeof Limiter;
  readonly lock: typeof Lock;
  readonly session: typeof Session;
}

/** Loads this checkout, or another that is measured beside it. The other one's modules are trusted to be where they are here. */
export async function patternsOf(checkout: string): Promise<Patterns> {
  const from = (path: string) => import(join(checkout, "src", path, "index.ts"));
  return {
    ioredis: await from("adapters/ioredis"),
    rest: await from("adapters/rest"),
    cache: await from("core/patterns/cache"),
    limiter: await from("core/patterns/limiter"),
    lock: await from("core/patterns/lock"),
    session: await from("core/patterns/session"),
  };
}

/** The row of another checkout; no row where none was named. */
export function rowOfBefore<T>(before: string | undefined, make: (name: string, checkout: string) => T): readonly T[] {
  return before === undefined ? [] : [make(`redis-patterns of ${before}`, before)];
}
