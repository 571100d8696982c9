import type { Command } from "../core/port/redis.ts";

/** How often Redis was asked. */
export interface Counts {
  /** The trips that faults are for, answered or not. A pipeline is one. */
  readonly trips: number;
  /** Those of them whose callers got a reply. An error is none, but in a pipeline. */
  readonly answered: number;
  /** The commands that were sent, by their names in capitals. */
  readonly commands: Readonly<Record<string, number>>;
}

/** Counts what is asked. */
export class Tally {
  #trips = 0;
  #answered = 0;
  #commands: Record<string, number> = {};

  send(commands: readonly Command[]): void {
    for (const [name] of commands) {
      const key = name.toUpperCase();
      this.#commands[key] = (this.#commands[key] ?? 0) + 1;
    }
  }

  async trip<T>(run: () => Promise<T>): Promise<T> {
    this.#trips += 1;
    const answer = await run();
    this.#answered += 1;
    return answer;
  }

  counts(): Counts {
    return { trips: this.#trips, answered: this.#answered, commands: { ...this.#commands } };
  }

  clear(): void {
    this.#trips = 0;
    this.#answered = 0;
    this.#commands = {};
  }
}
