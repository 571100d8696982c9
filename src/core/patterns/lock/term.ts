import { OptionError } from "../../errors.ts";
import { startBackgroundTimer } from "../../time/timer.ts";
import { LockLostError } from "./errors.ts";

/** A grant of Redis, with the deadline that this process gives it. */
export interface Grant {
  readonly token: string;
  readonly fence: string;
  readonly ttl: number;
  /** The time of `performance.now()` until which nobody else can hold it. */
  readonly deadline: number;
}

/**
 * The milliseconds for which a lease of `ttl` is safe, counted from before it was asked for: 1% less for clocks that run at different
 * speeds, and 2 ms less for the grain of Redis' expiry, as in the Redlock specification.
 */
export function validity(ttl: number): number {
  return ttl * 0.99 - 2;
}

/** The shortest `ttl` that leaves any validity, in milliseconds. */
export const leastTtl = 3;

/** The time for which a lease is held in this process, and its end. */
export interface Term {
  /** Aborts when the term is lost. */
  readonly signal: AbortSignal;
  state(): TermState;
  /** Milliseconds until the deadline; below 0 after it. */
  left(): number;
  /**
   * @throws {LockLostError} The term is lost.
   * @throws {OptionError} The holder has ended it.
   */
  assertHeld(): void;
  /** Moves the deadline, never back. */
  prolong(deadline: number): void;
  /** Ends the term as lost, even if it was released: Redis did not know of it any more. */
  lose(): void;
  /** Ends the term by the holder's will; its signal stays as it is. */
  end(state: TermState): void;
}

export type TermState = "held" | "lost" | "released" | "handed off";

/** Called once at the end of a term, with an error if it was lost. */
type OnEnd = (error?: LockLostError) => void;

/** The error of a term that is lost. One that Redis has ended before its time is not lost for want of an extension. */
function lostError(name: string, left: number, failure: ErrorOptions): LockLostError {
  return new LockLostError(name, -left, left > 0 ? {} : failure);
}

/**
 * Starts a term that loses itself at its deadline, by a timer of its own: an answer that never comes cannot hold that up.
 * @param failure Where the caller keeps the reason why the last extension failed.
 */
export function startTerm(name: string, firstDeadline: number, failure: ErrorOptions, onEnd: OnEnd): Term {
  const controller = new AbortController();
  let deadline = firstDeadline;
  let state: TermState = "held";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const left = () => deadline - performance.now();
  const end = (next: TermState, error?: LockLostError) => {
    if (state === "lost" || state === "handed off") return;
    state = next;
    clearTimeout(timer);
    onEnd(error);
    if (error) controller.abort(error);
  };
  const lose = () => end("lost", lostError(name, left(), failure));
  const countDown = () => {
    clearTimeout(timer);
    if (left() <= 0) lose();
    else timer = startBackgroundTimer(countDown, Math.ceil(left()));
  };
  const currentState = (): TermState => {
    if (state === "held" && left() <= 0) lose();
    return state;
  };
  countDown();
  return {
    signal: controller.signal,
    state: currentState,
    left,
    assertHeld() {
      if (currentState() === "lost") throw lostError(name, left(), failure);
      if (state !== "held") throw new OptionError(`Lock \`${name}\` was ${state}; acquire it again`);
    },
    prolong(next) {
      deadline = Math.max(deadline, next);
      countDown();
    },
    lose,
    end,
  };
}
