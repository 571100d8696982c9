import { checkDuration, checkFunction, checkOptions, checkPort, checkText } from "../../../check.ts";
import type { OnEvent } from "../../../event.ts";
import { codeOf, failureOf } from "../../../failure.ts";
import type { Redis } from "../../../port/redis.ts";
import { jitter } from "../../../wait/backoff.ts";
import { sleep } from "../../../wait/sleep.ts";
import type { Lease } from "../lease.ts";
import { lockNaming } from "../keys.ts";
import { createLock } from "../lock.ts";
import type { Locks, LockState } from "../locks.ts";
import type { Wake } from "../../../wait/wake.ts";
import { watchdog } from "../watchdog.ts";

/** One time in office. */
export interface Office {
  /** The number of this term: larger than that of every leader before. It is a fence; hand it to what the leader writes to. */
  readonly term: string;
  /** Aborts when the leadership is lost, at the local deadline at the latest, or when the campaign is to end. */
  readonly signal: AbortSignal;
}

/** Chooses one leader among all processes that campaign. */
export interface Election {
  /**
   * Stands for election again and again until `signal` aborts: `onElected` runs while this process leads. When the signal that it is
   * given aborts, it should come to an end; only then does this process stand again. If it returns while this process leads, the
   * process resigns and the campaign ends. While Redis is not reached, the campaign goes on.
   * @throws The error that `onElected` throws while this process leads; it resigns first.
   * @throws {ReplyError} Redis refuses the commands.
   */
  campaign(onElected: (office: Office) => void | Promise<void>, options?: CampaignOptions): Promise<void>;
  /**
   * Tells if there is a leader, and for how long at least.
   * @throws {ConnectionError} Redis was not reached.
   */
  inspect(): Promise<LockState>;
}

/** Options of one campaign. */
export interface CampaignOptions {
  /** Ends the campaign; a leader resigns. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of an election. */
export interface ElectionOptions {
  /** The name of what is led. */
  readonly name: string;
  /** The longest time for which nobody leads after a leader has crashed, in milliseconds. */
  readonly ttl: number;
  /** Names this election among others: the first part of every key, after the word `election`. */
  readonly prefix: string;
  /**
   * Tells candidates of a resignation: `wakeBySubscriber(subscriber)`.
   * @default none: candidates ask again, at growing, jittered intervals
   */
  readonly wake?: Wake | undefined;
  /** Called with each event of the leader's lease. */
  readonly onEvent?: OnEvent | undefined;
}

/**
 * Leader election: a lock that is always wanted and kept while its holder lives. At most one process leads at a time, as far as a
 * lease can promise; the term lets a resource refuse a leader that has not noticed its end.
 * @throws {OptionError} An option can never work.
 * @example
 * const election = createElection(redis, { prefix: "shop", name: "scheduler", ttl: seconds(10) });
 * await election.campaign(({ signal, term }) => runScheduler({ signal, term }), { signal: shutdown });
 */
export function createElection(redis: Redis, options: ElectionOptions): Election {
  checkPort(redis, options);
  const { name, ttl, prefix, wake, onEvent } = options;
  checkText("name", name);
  checkDuration("ttl", ttl);
  const naming = lockNaming(prefix, "election");
  const locks = createLock(redis, { ttl, prefix, naming, wake, onEvent, watchdog: watchdog({ maxHold: Infinity }) });
  return {
    inspect: () => locks.inspect(name),
    async campaign(onElected, options = {}) {
      checkFunction("onElected", onElected);
      const { signal } = checkOptions(options);
      let leading = true;
      while (leading && !isOver(signal)) {
        const lease = await standOnce(locks, name, ttl, signal);
        if (lease) leading = await lead(lease, onElected, signal);
      }
    },
  };
}

function isOver(signal: AbortSignal | undefined): boolean {
  return signal?.aborted ?? false;
}

/** Stands once: `null` while somebody else leads, or while Redis is not reached. */
async function standOnce(
  locks: Locks,
  name: string,
  ttl: number,
  signal: AbortSignal | undefined,
): Promise<Lease | null> {
  try {
    return await locks.acquire(name, { signal });
  } catch (error) {
    if (isOver(signal) || codeOf(error) === "LOCK_BUSY") return null;
    if (failureOf(error) === "mistake") throw error;
    await pause(jitter(ttl / 3), signal);
    return null;
  }
}

/** Waits, or returns early when the campaign ends. */
async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(ms, signal);
  } catch {
    // The campaign has ended, as its loop will see.
  }
}

/**
 * Runs one term.
 * @returns True if the process should stand again: it lost its term and did not give it up.
 */
async function lead(
  lease: Lease,
  onElected: (office: Office) => void | Promise<void>,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const endSignal = signal ? AbortSignal.any([lease.signal, signal]) : lease.signal;
  try {
    await onElected({ term: lease.fence, signal: endSignal });
    return lease.signal.aborted;
  } catch (error) {
    // Work that was told to stop may say so by an error.
    if (endSignal.aborted && (error === endSignal.reason || codeOf(error) === "LOCK_LOST")) return lease.signal.aborted;
    throw error;
  } finally {
    await lease[Symbol.asyncDispose]();
  }
}
