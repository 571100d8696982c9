import { onAbort } from "../core/abort.ts";

/** Holds trips back while it is closed. */
export class Gate {
  #opened: Promise<void> = Promise.resolve();
  #open: () => void = () => {};

  /** @returns A function that opens it again. */
  close(): () => void {
    this.#open();
    let open = () => {};
    this.#opened = new Promise((resolve) => (open = resolve));
    this.#open = open;
    return open;
  }

  /**
   * Runs a trip once the gate is open.
   * @throws The signal's reason, if it aborts before. The trip is not run then.
   */
  async pass<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    let stay = () => {};
    const left = new Promise<never>((_, reject) => (stay = onAbort(signal, () => reject(signal.reason))));
    try {
      await Promise.race([this.#opened, left]);
    } finally {
      stay();
    }
    return run();
  }
}
