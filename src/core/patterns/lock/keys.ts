import { checkText } from "../../check.ts";
import { OptionError } from "../../errors.ts";
import { keyOf, namespaceOf } from "../../keys.ts";

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
  /** The tokens that were given up in the last minute, two hundred at most: their claims may still be on the way, and are refused. */
  readonly gone: string;
}

/** Makes the keys of a lock from its name. */
export type LockNaming = (name: string) => LockKeys;

/** The usual names: `lock:prefix:{name}` and its parts. An election is a lock with a first word of its own. */
export function lockNaming(prefix: string, pattern: "lock" | "election" = "lock"): LockNaming {
  const namespace = namespaceOf(pattern, prefix);
  return (name) => lockKeys(keyOf(namespace, name));
}

function lockKeys(lock: string, stem = lock): LockKeys {
  return {
    lock,
    counter: `${stem}:fence`,
    wanted: `${stem}:wanted`,
    line: `${stem}:line`,
    alive: `${stem}:alive`,
    gone: `${stem}:gone`,
  };
}

/**
 * The keys that redlock uses: the name as it is, with nothing before it, since another program has chosen it. Only your own names then keep
 * such a lock apart from other keys. While processes with redlock and with this package run side by side, they exclude each other if both
 * name the resource alike; the prefix of `createLock` is then in events alone. On a Cluster, use the hash tag that redlock needed as well.
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
  /** The first part of one key for each token that released its place or gave it up: see `freedKey`. */
  readonly freed: string;
}

/** The first part of every key of a semaphore. */
export function semaphoreNamespace(prefix: string): string {
  return namespaceOf("semaphore", prefix);
}

/** Names the keys of a semaphore. */
export function semaphoreKeys(namespace: string, name: string): SemaphoreKeys {
  const part = (word: string) => keyOf(namespace, name, word);
  return { places: keyOf(namespace, name), counter: part("fence"), wanted: part("wanted"), freed: part("freed") };
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
  /** The tokens of writers that were given up in the last minute, as those of a lock. */
  readonly gone: string;
}

/** The first part of every key of a read-write lock. */
export function readWriteNamespace(prefix: string): string {
  return namespaceOf("read-write", prefix);
}

/** Names the keys of a read-write lock. */
export function readWriteKeys(namespace: string, name: string): ReadWriteKeys {
  const part = (word: string) => keyOf(namespace, name, word);
  return {
    readers: part("readers"),
    writer: part("writer"),
    counter: part("fence"),
    wanted: part("wanted"),
    readLine: part("read-line"),
    writeLine: part("write-line"),
    alive: part("alive"),
    gone: part("gone"),
    freed: part("freed"),
  };
}

/** Names the key that remembers that one token was released or given up. */
export function freedKey(freed: string, token: string): string {
  return `${freed}:${token}`;
}

/** Names these keys of an asker and of the token that hands off to it. */
export function freedKeys(freed: string, { held = "", token }: { readonly held?: string; readonly token: string }) {
  return { held, freed: freedKey(freed, token), spent: freedKey(freed, held) };
}

/** The first part of every key of a fence guard. */
export function guardNamespace(prefix: string): string {
  return namespaceOf("guard", prefix);
}

/** Names the keys of a resource that a fence guards: what it holds, and the largest fence that it has seen. */
export function guardKeys(namespace: string, id: string) {
  return { resource: keyOf(namespace, id), guard: keyOf(namespace, id, "fence") };
}
