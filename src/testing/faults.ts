import { checkCount } from "../core/check.ts";
import { ConnectionError, ReplyError } from "../core/errors.ts";
import { codeOf } from "../core/failure.ts";
import { sleep } from "../core/wait/sleep.ts";

/**
 * What happens to one trip. `run` carries it out on Redis, as often and as late as it is called. `signal` aborts when the caller does not
 * wait any more: it left, or its deadline passed.
 */
export type Fault = <T>(run: () => Promise<T>, signal: AbortSignal) => Promise<T>;

export const loseRequest: Fault = () => Promise.reject(new ConnectionError("The request was lost", "unknown"));

export const loseReply: Fault = async (run) => {
  await run();
  throw new ConnectionError("The reply was lost", "unknown");
};

export const runTwice: Fault = async (run) => {
  await run();
  return run();
};

export const delayReply =
  (ms: number): Fault =>
  async (run, signal) => {
    const answer = await run();
    await sleep(ms, signal);
    return answer;
  };

export const refuse =
  (error: string): Fault =>
  () =>
    Promise.reject(new ReplyError(error));

/** Faults that wait for their trips. */
export class FaultQueue {
  #faults: Fault[] = [];

  /** @throws {OptionError} `times` is no whole number of at least 1. */
  add(fault: Fault, times = 1): void {
    checkCount("times", times);
    for (let i = 0; i < times; i += 1) this.#faults.push(fault);
  }

  clear(): void {
    this.#faults = [];
  }

  /** Carries out a trip with the fault that is next. */
  async meet<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const fault = this.#faults.shift();
    if (!fault) return run();
    let unknownScript: Promise<T> | undefined;
    const runKnown = async () => {
      const trip = run();
      const [outcome] = await Promise.allSettled([trip]);
      if (lacksScript(outcome)) unknownScript = trip;
      return trip;
    };
    const [outcome] = await Promise.allSettled([fault(runKnown, signal)]);
    if (unknownScript) {
      // Redis only asked for the text of a script that it did not know. The fault is for the trip that brings it.
      this.#faults.unshift(fault);
      return unknownScript;
    }
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  }
}

/** A single command is rejected, one of a pipeline is answered with the error. */
function lacksScript(outcome: PromiseSettledResult<unknown>): boolean {
  const answer: unknown = outcome.status === "rejected" ? outcome.reason : outcome.value;
  return (Array.isArray(answer) ? answer : [answer]).some((one) => codeOf(one) === "NOSCRIPT");
}
