import { OptionError } from "../../core/errors.ts";

/** Its microseconds are exact until then, and for some years more. */
const latest = Date.UTC(2200, 0);

/** The clock of one engine. It goes with `Date`, and tests may move it forward. */
export class Clock {
  #ahead = 0;
  #held: number | undefined;
  #last = 0;

  /** The time, in milliseconds since 1970. */
  now(): number {
    return this.#held ?? Date.now() + this.#ahead;
  }

  /** The time in microseconds. No two calls get the same. */
  nowInMicroseconds(): number {
    this.#last = Math.max(this.#last + 1, this.now() * 1_000);
    return this.#last;
  }

  /** @throws {OptionError} It would go too far. */
  advance(ms: number): void {
    if (this.now() + ms > latest) throw new OptionError("`ms` must not move the clock beyond the year 2200");
    this.#ahead += ms;
  }

  /** Stops the clock while some work runs, as it stands still for a script. */
  hold<T>(work: () => T): T {
    this.#held = this.now();
    try {
      return work();
    } finally {
      this.#held = undefined;
    }
  }
}
