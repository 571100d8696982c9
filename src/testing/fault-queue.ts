import { checkCount } from "../core/check.ts";
import type { ReplyError } from "../core/errors.ts";
import { codeOf, isReplyError } from "../core/failure.ts";
import type { Fault } from "./faults.ts";

/** A trip on its way to Redis. */
export interface Trip<T> {
  /** Carries it out as its caller asked. */
  run(): Promise<T>;
  /** Carries it out although its caller may have left. */
  runLate(): Promise<T>;
  /** What its caller gets when Redis refuses all of it. */
  refused(error: ReplyError): T;
}

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
  async meet<T>(trip: Trip<T>, signal: AbortSignal): Promise<T> {
    const fault = this.#faults.shift();
    if (!fault) return trip.run();
    return new Promise<T>((resolve, reject) => {
      let isOver = false;
      const end = () => (isOver = true);
      const onUnknownScript = (answer: Promise<T>) => {
        if (isOver || signal.aborted) return;
        end();
        // Redis only asked for the text of a script that it did not know. The fault is for the trip that brings it.
        this.#faults.unshift(fault);
        resolve(answer);
      };
      const work = async () => fault(() => runKnown(trip, onUnknownScript), signal);
      const refused = (error: unknown) => {
        if (isReplyError(error)) return trip.refused(error);
        throw error;
      };
      work().catch(refused).finally(end).then(resolve, reject);
    });
  }
}

/**
 * Carries out a trip, as a fault asks.
 * @throws {ReplyError} Redis did not know a script. What the fault does with an answer is not for this one.
 */
async function runKnown<T>(trip: Trip<T>, onUnknownScript: (answer: Promise<T>) => void): Promise<T> {
  const answer = trip.runLate();
  const [outcome] = await Promise.allSettled([answer]);
  const unknown = unknownScriptIn(outcome);
  if (unknown === undefined) return answer;
  onUnknownScript(answer);
  throw unknown;
}

/** A single command is rejected, one of a pipeline is answered with the error. */
function unknownScriptIn(outcome: PromiseSettledResult<unknown>): unknown {
  const answer: unknown = outcome.status === "rejected" ? outcome.reason : outcome.value;
  return (Array.isArray(answer) ? answer : [answer]).find((one) => codeOf(one) === "NOSCRIPT");
}
