import { OptionError } from "../../errors.ts";
import { LockLostError } from "./errors.ts";
import { startBackgroundTimer } from "../../time/timer.ts";

/** What Redis granted. */
export interface Grant {
  readonly token: string;
  readonly fence: string;
  readonly ttl: number;
  /** The local monotonic time until which nobody else can hold it. */
  readonly deadline: number;
}

/**
 * How long a lease of `ttl` is safe, counted from before it was asked for: 1% less for clocks that run at different speeds, and
 * 2 ms less for the grain of Redis' expiry, as in the Redlock specification.
 */
export function validity(ttl: number): number {
  return ttl * 0.99 - 2;
}

/** The shortest `ttl` of which anything is left then. */
export const leastTtl = 3;

/** How long a lease is held, and what became of it. */
export interface Term {
  /** Aborts when the term is lost. */
  readonly signal: AbortSignal;
  /** What became of it by now. */
  state(): TermState;
  /** Milliseconds until the deadline; below 0 after it. */
  left(): number;
  /** @throws What became of the term, unless it is held. */
  check(): void;
  /** Moves the deadline, never back. */
  prolong(deadline: number): void;
  /** Ends the term as lost, even if it was released: Redis did not know of it any more. */
  lose(): void;
  /** Ends the term by the holder's will; its signal stays as it is. */
  end(state: TermState): void;
}

/** `held` until one of the others. */
export type TermState = "held" | "lost" | "released" | "handed off";

/** Starts a term that loses itself at its deadline, by a timer of its own: an answer that never comes cannot hold that up. */
export function startTerm(name: string, start: number, onEnd: (error?: LockLostError) => void): Term {
  const controller = new AbortController();
  let deadline = start;
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
  const lose = () => end("lost", new LockLostError(name, -left()));
  const watch = () => {
    clearTimeout(timer);
    if (left() <= 0) return lose();
    timer = startBackgroundTimer(watch, Math.ceil(left()));
  };
  const current = (): TermState => {
    if (state === "held" && left() <= 0) lose();
    return state;
  };
  watch();
  return {
    signal: controller.signal,
    state: current,
    left,
    check() {
      if (current() === "lost") throw new LockLostError(name, -left());
      if (state !== "held") throw new OptionError(`Lock \`${name}\` was ${state}; acquire it again`);
    },
    prolong(next) {
      deadline = Math.max(deadline, next);
      watch();
    },
    lose,
    end,
  };
}
