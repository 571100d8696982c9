import { checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { keyOf, keyPrefix } from "../../keys.ts";

/** The keys of one lock. They share a Cluster slot. */
export interface LockKeys {
  /** Holds the holder's token while the lock is held. */
  readonly lock: string;
  /** Remembers the last fence, for an hour longer than the lease. */
  readonly counter: string;
  /** Exists while somebody waits. It is also the name of the channel on which releases are published. */
  readonly wanted: string;
  /** The waiters in order of arrival, where the order is first come, first served. */
  readonly line: string;
  /** The time until which each of them counts as alive, unless it asks again. */
  readonly alive: string;
}

/** Makes the keys of a lock from its name. */
export type LockNaming = (name: string) => LockKeys;

/** The usual names: `prefix:{name}` and its parts. */
export function lockNaming(prefix: string): LockNaming {
  keyPrefix(prefix);
  return (name) => lockKeys(keyOf(prefix, name));
}

function lockKeys(lock: string, stem = lock): LockKeys {
  return {
    lock,
    counter: `${stem}:fence`,
    wanted: `${stem}:wanted`,
    line: `${stem}:line`,
    alive: `${stem}:alive`,
  };
}

/**
 * The keys that redlock uses: the name as it is. While processes with redlock and with this package run side by side, they exclude
 * each other if both name the resource alike; the prefix of `createLock` is then unused. On a Cluster, use the hash tag that redlock
 * needed as well.
 * @throws {OptionError} A name in which braces open no hash tag: its parts could not share its slot.
 */
export function redlockNaming(): LockNaming {
  return (name) => {
    // Redis hashes a name without braces as a whole, which is the same as with braces around all of it.
    const tagged = /^[^{}]*\{[^{}]+\}/.test(name) ? name : `{${checkNoBraces(name)}}`;
    return lockKeys(name, tagged);
  };
}

function checkNoBraces(name: string): string {
  if (!/[{}]/.test(checkText("name", name))) return name;
  throw new OptionError("`name` may contain braces only around a hash tag, such as `locks:{7}`");
}

/** The keys of one name of a semaphore. They share a Cluster slot. */
export interface SemaphoreKeys {
  /** A sorted set: each holder's token, by the time at which its lease ends. */
  readonly places: string;
  /** Remembers the last fence, as the counter of a lock does. */
  readonly counter: string;
  /** Exists while somebody waits, as that of a lock does. */
  readonly wanted: string;
  /** The first part of one key for each token that released its place itself: see `freedKey`. */
  readonly freed: string;
}

/** Names the keys of a semaphore. */
export function semaphoreKeys(prefix: string, name: string): SemaphoreKeys {
  const part = (word: string) => keyOf(prefix, name, word);
  return { places: keyOf(prefix, name), counter: part("fence"), wanted: part("wanted"), freed: part("freed") };
}

/** The keys of one name of a read-write lock. They share a Cluster slot. */
export interface ReadWriteKeys extends Omit<SemaphoreKeys, "places"> {
  /** A sorted set: each reader's token, by the time at which its lease ends. */
  readonly readers: string;
  /** Holds the writer's token while it writes. */
  readonly writer: string;
  /** The waiting readers in order of arrival. */
  readonly readLine: string;
  /** The waiting writers in order of arrival. */
  readonly writeLine: string;
  /** The time until which each waiter, in either line, counts as alive, unless it asks again. */
  readonly alive: string;
}

/** Names the keys of a read-write lock. */
export function readWriteKeys(prefix: string, name: string): ReadWriteKeys {
  const part = (word: string) => keyOf(prefix, name, word);
  return {
    readers: part("readers"),
    writer: part("writer"),
    counter: part("fence"),
    wanted: part("wanted"),
    readLine: part("read-line"),
    writeLine: part("write-line"),
    alive: part("alive"),
    freed: part("freed"),
  };
}

/** Names the key that remembers the release of one token. */
export function freedKey(freed: string, token: string): string {
  return `${freed}:${token}`;
}

/** Names the keys of a resource that a fence guards: what it holds, and the largest fence that it has seen. */
export function guardKeys(prefix: string, id: string) {
  return { resource: keyOf(prefix, id), guard: keyOf(prefix, id, "fence") };
}
