import { startBackgroundTimer } from "../../../time/timer.ts";

/** What is to be said besides the messages, in the order in which it came. */
export interface Notes {
  add(text: string): void;
  /** Takes all of it: empty if there is none. */
  take(): string;
  /** Calls back when there is something, which may be at once. One listener at a time. */
  listen(listener: () => void): void;
}

export function createNotes(): Notes {
  let texts = "";
  let call = () => {};
  return {
    add(text) {
      texts += text;
      call();
    },
    take() {
      const all = texts;
      texts = "";
      return all;
    },
    listen(listener) {
      call = listener;
      if (texts) call();
    },
  };
}

/** Waits for `next`, but no longer than until there is a note or `ms` milliseconds are over: then it is `undefined`. */
export function firstOf<T>(next: Promise<T>, notes: Notes, ms: number): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const timer = startBackgroundTimer(() => resolve(undefined), ms);
    const settle = (value: T | undefined) => {
      clearTimeout(timer);
      resolve(value);
    };
    notes.listen(() => settle(undefined));
    next.then(settle, (error: unknown) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
