import { Redis } from "ioredis";
import type { Instance } from "../harness/contender.ts";

/** Where the server is. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Computes a value of the size that is measured. */
export type Load = () => unknown;
type Get = (key: string, load: Load) => Promise<unknown>;

/** One instance of a cache on a connection of its own; what it lacks is absent. */
export interface CacheInstance extends Instance {
  get?: Get;
  /** A cold key that all instances ask for; absent where `get` is that. */
  cold?: Get;
  /** The same with 3 tags; absent where there are none. */
  tagged?: Get;
  /** A hit in memory; absent where the library has no such tier. */
  local?: Get;
}

/** A library, used as its documentation says for one tier on Redis. */
export interface CacheLibrary {
  readonly name: string;
  open(at: Address): Promise<CacheInstance>;
}

export const ttl = 600_000;
export const tags: readonly string[] = ["a", "b", "c"];

export function connect({ host, port }: Address): Redis {
  const client = new Redis({ host, port });
  client.on("error", () => {});
  return client;
}
