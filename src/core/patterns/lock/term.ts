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

export type TermState = "held" | "lost" | "released" | "handed off";

/** Called once at the end of a term, with an error if it was lost. */
type OnEnd = (error?: LockLostError) => void;

/**
 * The time for which a lease is held in this process. It loses itself at its deadline, by a timer of its own: an answer that never comes
 * cannot hold that up. The timer and the signal take longer than all else in a lease, so a term has them once somebody needs them.
 */
export class Term {
  /** Why the last extension failed. */
  readonly failure: ErrorOptions = {};
  readonly #name: string;
  readonly #onEnd: OnEnd | undefined;
  #deadline: number;
  #state: TermState = "held";
  #error: LockLostError | undefined;
  #controller: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param onEnd Given where somebody has to be told of the end at once. */
  constructor(name: string, deadline: number, onEnd: OnEnd | undefined) {
    this.#name = name;
    this.#deadline = deadline;
    this.#onEnd = onEnd;
    this.#countDown();
  }

  /** Aborts when the term is lost. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      this.#countDown();
      if (this.#error) this.#controller.abort(this.#error);
    }
    return this.#controller.signal;
  }

  state(): TermState {
    if (this.#state === "held" && this.left() <= 0) this.end("lost");
    return this.#state;
  }

  /** Milliseconds until the deadline; below 0 after it. */
  left(): number {
    return this.#deadline - performance.now();
  }

  /**
   * @throws {LockLostError} The term is lost.
   * @throws {OptionError} The holder has ended it.
   */
  assertHeld(): void {
    const state = this.state();
    if (state === "lost") throw this.#lostError();
    if (state !== "held") throw new OptionError(`Lock \`${this.#name}\` was ${state}; acquire it again`);
  }

  /** Moves the deadline, never back. */
  prolong(deadline: number): void {
    this.#deadline = Math.max(this.#deadline, deadline);
    this.#countDown();
  }

  /** Ends the term. Its signal stays as it is, unless the term is lost; it may be lost after a release, too. */
  end(state: TermState): void {
    if (this.#state === "lost" || this.#state === "handed off") return;
    this.#state = state;
    clearTimeout(this.#timer);
    if (state === "lost") this.#error = this.#lostError();
    this.#onEnd?.(this.#error);
    if (this.#error) this.#controller?.abort(this.#error);
  }

  /** The error of a lost term. One that Redis has ended before its time is not lost for want of an extension. */
  #lostError(): LockLostError {
    const left = this.left();
    return new LockLostError(this.#name, -left, left > 0 ? {} : this.failure);
  }

  /** Loses the term if it is over. Else a timer does so, where somebody needs to hear of it. */
  #countDown(): void {
    clearTimeout(this.#timer);
    if (this.state() !== "held" || !(this.#onEnd || this.#controller)) return;
    this.#timer = startBackgroundTimer(() => this.#countDown(), Math.ceil(this.left()));
  }
}
