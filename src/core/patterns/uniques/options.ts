import type { Lifetime } from "../../time/lifetime.ts";
import type { Redis, SendOptions } from "../../port/redis.ts";
import type { ChangeOptions } from "../../request.ts";
import type { ScriptValues } from "../../script/define-script.ts";
import type { Period } from "../../time/period.ts";

/** The name of a kind of counter. */
export type CountName = "exact" | "approximate" | "hybrid";

/** A kind of counter, as a value: a bundle has only the kinds that it names. `exact()`, `approximate()` and `hybrid()` make one. */
export interface CountKind<Name extends CountName = CountName> {
  readonly name: Name;
  /** The kinds of keys that one period has. */
  readonly parts: readonly string[];
  /** The scripts that add, count one period, and merge several. */
  readonly add: Send<"request" | "...counters" | "remember" | "ttl" | "edges" | "slices" | "size" | "...members">;
  readonly count: Send<"...counters" | "edges">;
  readonly merge: Send<"building" | "...keys" | "edges" | "length" | "from" | "cursor" | "fresh">;
}

type Send<Names extends string> = (redis: Redis, values: ScriptValues<Names>, options?: SendOptions) => Promise<string>;

/** Turns members into what is stored of them. `saltedHash` makes one. */
export interface MemberHash {
  /** For how long one salt is used, in milliseconds; `undefined` for ever. */
  readonly rotate: number | undefined;
  /**
   * Gives what is stored of the members.
   * @param rotation The number of the salt: how many times it changed since 1970. It is 0 where the salt never changes.
   */
  hash(members: readonly string[], rotation: number): Promise<readonly string[]>;
}

/** Options of `createUniques`. */
export interface UniquesOptions<Name extends CountName = CountName> {
  /** The name of these counters. Their keys begin with `uniques:` and the prefix. */
  readonly prefix: string;
  /** How is counted: `exact()`, `approximate()` or `hybrid()`. */
  readonly count: CountKind<Name>;
  /**
   * For how long a counter is kept, in milliseconds, or "permanent". Each `add` makes it live for so long from then on. With periods, each
   * period is kept for so long after its end.
   */
  readonly ttl: Lifetime;
  /**
   * Counts each period by itself: `daily()`, `weekly()`, `monthly()`, `every(minutes(15))`. The server's clock decides which one it is.
   * @default none: one count for ever
   */
  readonly period?: Period | undefined;
  /**
   * Stores hashes in place of the members: `saltedHash({ salt })`.
   * @default none: the members themselves
   */
  readonly hash?: MemberHash | undefined;
  /**
   * For how long a call with a `requestId` is remembered, in milliseconds: a minute or more.
   * @default hours(24)
   */
  readonly requestTtl?: number | undefined;
}

/** Options of one call. */
export interface UniquesCallOptions {
  /**
   * An instant in the period that is meant, in milliseconds since 1970, such as the time of an event that arrives late.
   * @default now, by the server's clock
   */
  readonly at?: number | undefined;
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of one call that changes something. */
export interface UniquesChangeOptions extends UniquesCallOptions, ChangeOptions {}

/** Options of `count`. */
export interface UniquesCountOptions extends UniquesCallOptions {
  /**
   * Counts several periods together, each member once: the one that is meant and those before it, for so long in all, such as `days(7)`. It
   * is rounded to whole periods, of which there may be 400. The answer may be 30 seconds old.
   * @default one period
   */
  readonly last?: number | undefined;
}

/** What `add` did. */
export interface UniquesAdded {
  /**
   * How many of the members were new. Where `exact` is `false`, 1 says that at least one was new, and 0 that none was, as far as an estimate
   * can tell.
   */
  readonly added: number;
  readonly exact: boolean;
}

/** A number of different members. */
export interface UniquesCount {
  readonly count: number;
  /** Whether it is the true number. */
  readonly exact: boolean;
  /**
   * How far it may be from the true number, as a share of that: two standard deviations, which 95 of 100 counts keep to. It is 0 if the count
   * is exact, and 0.01625 for an estimate: the standard error of a HyperLogLog with 16384 registers is 1.04 / sqrt(16384), or 0.81 %
   * (Flajolet and others, "HyperLogLog", 2007). Where the salt of `hash` changed between the periods, it is above 1: whoever came
   * before and after that is counted twice.
   */
  readonly errorBound: number;
}

/** Counters of different members, each with an id. */
export interface Uniques<Name extends CountName = CountName> {
  /** How they count. */
  readonly counting: Name;
  /**
   * Adds a member, or up to 1,000 of them; an empty list adds nothing. One that was added before changes nothing.
   * @throws {OptionError} A member is empty, too long or malformed text, there are too many of them, or `at` is given without a `period`.
   */
  add(id: string, members: string | readonly string[], options?: UniquesChangeOptions): Promise<UniquesAdded>;
  /**
   * Counts the different members: of the period that is meant, or of the `last` ones together.
   * @throws {OptionError} `last` is shorter than a period, longer than 400 of them, than the `ttl`, or than a salt lives.
   */
  count(id: string, options?: UniquesCountOptions): Promise<UniquesCount>;
}
