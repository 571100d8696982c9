import type { Load } from "../harness/contender.ts";
import { rate } from "../harness/work.ts";
import type { CacheInstance } from "./instance.ts";

/** More than there are calls at once, or those who share the reads of one key would be measured at that. */
const keys = 1_000;

type Call = (instance: CacheInstance, i: number, round: number) => Promise<unknown> | undefined;
type Has = keyof Omit<CacheInstance, "close">;

/** A value of the usual shape, whose name has that length. */
export interface Sized {
  readonly name: string;
  readonly length: number;
}

/** Hits one, 64 and 512 at a time, and of a value with tags. */
export function hits(size: Sized): readonly Load<CacheInstance>[] {
  const value = valueOf(size);
  const get: Call = ({ get }, i) => get?.(`key${i % keys}`, () => value);
  const tagged: Call = ({ tagged }, i) => tagged?.(`key${i % keys}`, () => value);
  return [
    load("1 at a time", "get", 1, callsFor(size, 3_000), get),
    load("64 at a time", "get", 64, callsFor(size, 16_000), get),
    load("512 at a time", "get", 512, callsFor(size, 16_000), get),
    load("3 tags, 64 at a time", "tagged", 64, callsFor(size, 8_000), tagged),
  ];
}

/** Misses, each of which loads and stores a value. Enough of them for the code to be compiled also in the quick mode. */
export function misses(size: Sized, empty: () => Promise<unknown>): readonly Load<CacheInstance>[] {
  const value = valueOf(size);
  const get: Call = ({ get }, i) => get?.(`missed${i}`, () => value);
  return [1, 64].map((concurrency) => {
    const calls = callsFor(size, concurrency === 1 ? 2_000 : 10_000);
    return { ...load(`${concurrency} at a time`, "get", concurrency, calls, get), prepare: empty };
  });
}

export function localHits(size: Sized): readonly Load<CacheInstance>[] {
  const value = valueOf(size);
  const local: Call = ({ local }, i) => local?.(`key${i % keys}`, () => value);
  return [load("1 at a time", "local", 1, 200_000, local)];
}

function load(name: string, has: Has, concurrency: number, calls: number, call: Call): Load<CacheInstance> {
  return {
    calls,
    columns: [{ name, unit: "calls/s", better: "more" }],
    async run(instance, calls, round) {
      if (!instance[has]) return undefined;
      return [await rate(concurrency, calls, async (i) => call(instance, i, round))];
    },
  };
}

/** Large values take longer, and most of that is not ours: fewer of them show as much. */
function callsFor({ length }: Sized, calls: number): number {
  return Math.max(1_000, Math.round(calls / Math.max(1, length / 1_000)));
}

function valueOf({ length }: Sized): unknown {
  return { id: 42, name: "x".repeat(length), tags: ["a", "b"], at: "2026-01-01T00:00:00Z" };
}
