import { onAbort } from "../core/abort.ts";

/** Holds trips back while it is closed. */
export class Gate {
  #opened: Promise<void> | undefined;
  #open: () => void = () => {};

  /** @returns A function that opens it again. */
  close(): () => void {
    this.#opened ??= new Promise((resolve) => (this.#open = resolve));
    const closed = this.#opened;
    return () => {
      if (this.#opened === closed) this.open();
    };
  }

  open(): void {
    this.#opened = undefined;
    this.#open();
  }

  /**
   * Runs a trip once the gate is open.
   * @throws The signal's reason, if it aborts before. The trip is not run then.
   */
  async pass<T>(signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    // It may be closed again before those who waited go on.
    while (this.#opened) await untilAborted(signal, this.#opened);
    return run();
  }
}

async function untilAborted(signal: AbortSignal, work: Promise<void>): Promise<void> {
  let stay = () => {};
  const left = new Promise<never>((_, reject) => (stay = onAbort(signal, () => reject(signal.reason))));
  try {
    await Promise.race([work, left]);
  } finally {
    stay();
  }
}
