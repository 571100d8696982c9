import type { Fault } from "./faults.ts";

/** A trip that stands still until the test lets it go on. */
export interface Held {
  /** Resolves as soon as a trip is held. */
  readonly reached: Promise<void>;
  /**
   * Lets it go on, also when its caller has left.
   * @returns The answer of Redis.
   * @throws {Error} No trip is held yet.
   */
  arrive(): Promise<unknown>;
}

/** Holds a trip on its way to Redis. Each call of `arrive` after the first lets a copy of it arrive. */
export function holdRequest(): [fault: Fault, held: Held] {
  const [held, hold] = createHeld();
  const fault: Fault = (run) =>
    new Promise((resolve, reject) => {
      hold(() => {
        const answer = run();
        answer.then(resolve, reject);
        return answer;
      });
    });
  return [fault, held];
}

/** Holds the reply to what Redis has carried out. */
export function holdReply(): [fault: Fault, held: Held] {
  const [held, hold] = createHeld();
  const fault: Fault = async (run) => {
    const answer = await run();
    return new Promise((resolve) => {
      hold(async () => {
        resolve(answer);
        return answer;
      });
    });
  };
  return [fault, held];
}

function createHeld(): [held: Held, hold: (arrive: () => Promise<unknown>) => void] {
  let arrive = (): Promise<unknown> => Promise.reject(new Error("No trip is held yet: wait for `reached` first"));
  let tell = () => {};
  const reached = new Promise<void>((resolve) => (tell = resolve));
  const hold = (next: typeof arrive) => {
    arrive = next;
    tell();
  };
  return [{ reached, arrive: () => arrive() }, hold];
}
