import { checkDurationOrZero, checkFunction, checkOptions, checkPort, checkText } from "../core/check.ts";
import type { Command, Redis } from "../core/port/redis.ts";
import type { FaultQueue } from "./fault-queue.ts";
import { delayReply, type Fault, loseReply, loseRequest, refuse, runTwice } from "./faults.ts";
import { type Held, holdReply, holdRequest } from "./held.ts";
import type { Counts } from "./tally.ts";
import { Wire } from "./wire.ts";

/** Options of `withFaults`. */
export interface FaultOptions {
  /**
   * Which commands faults are for. Others pass and use up no fault. A pipeline is one trip: it meets a fault if one of its commands would.
   * @default all
   */
  readonly only?: ((command: Command) => boolean) | undefined;
}

/** The faults of one port. They meet its next trips in the order in which they were asked for, one trip each. */
export interface Faults {
  /** The next trips never reach Redis. Their callers cannot know that: they get a `ConnectionError`. */
  loseRequest(times?: number): void;
  /** Redis carries the next trips out, and their callers do not hear of it: they get a `ConnectionError`. */
  loseReply(times?: number): void;
  /** Redis carries the next trips out at once. Their callers hear of it after `ms` milliseconds, if they wait for so long. */
  delayReply(ms: number, times?: number): void;
  /** Redis carries the next trips out twice, as when a network repeats a request. */
  runTwice(times?: number): void;
  /**
   * The next trips are refused with this error of Redis, such as `READONLY` or `OOM command not allowed`, and not carried out. In a
   * pipeline, each command is.
   */
  refuse(error: string, times?: number): void;
  /**
   * The next trip is held on its way to Redis, until the test lets it arrive. Its caller waits, up to its deadline. Each call of `arrive`
   * after the first lets a copy of the request arrive.
   */
  holdRequest(): Held;
  /** Redis carries the next trip out at once. Its reply is held until the test lets it arrive. Its caller waits, up to its deadline. */
  holdReply(): Held;
  /** The next trip meets a fault of your own. */
  next(fault: Fault): void;
  /**
   * Stops Redis: every trip waits. One whose deadline passes meanwhile is never carried out.
   * @returns A function that lets Redis go on.
   */
  pause(): () => void;
  /** What was asked since the port was wrapped, or since `reset`. */
  counts(): Counts;
  /** Forgets the counts, and the faults that no trip has met. Lets Redis go on. */
  reset(): void;
}

/**
 * Wraps a port so that a test can break it: lose, delay, hold or repeat what is sent, refuse it, stop Redis, and count. Whatever else the
 * port has, such as `advance` of `memory()`, the wrapped one has too. A trip that only tells Redis the text of a script uses up no fault.
 * @throws {OptionError} The first argument is no port, or an option has no meaning.
 * @example
 * const redis = withFaults(memory());
 * const locks = createLock(redis, { prefix: "job", ttl: seconds(10) });
 * redis.loseReply();
 * await using lease = await locks.acquire("invoice:7", { wait: seconds(5) });
 */
export function withFaults<R extends Redis>(redis: R, options: FaultOptions = {}): R & Faults {
  const { only = () => true } = checkOptions(options, "{ only }");
  const wire = new Wire(checkFunction("only", only));
  return {
    ...wire.wrap(checkPort(redis, options)),
    ...faultMakers(wire.faults),
    pause: () => wire.gate.close(),
    counts: () => wire.tally.counts(),
    reset() {
      wire.faults.clear();
      wire.tally.clear();
      wire.gate.open();
    },
  };
}

function faultMakers(faults: FaultQueue) {
  const hold = ([fault, held]: readonly [Fault, Held]): Held => {
    faults.add(fault);
    return held;
  };
  return {
    loseRequest: (times?: number) => faults.add(loseRequest, times),
    loseReply: (times?: number) => faults.add(loseReply, times),
    delayReply: (ms: number, times?: number) => faults.add(delayReply(checkDurationOrZero("ms", ms)), times),
    runTwice: (times?: number) => faults.add(runTwice, times),
    refuse: (error: string, times?: number) => faults.add(refuse(checkText("error", error)), times),
    holdRequest: () => hold(holdRequest()),
    holdReply: () => hold(holdReply()),
    next: (fault: Fault) => faults.add(checkFunction("fault", fault)),
  };
}
