import { ConnectionError, ReplyError } from "../core/errors.ts";
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
  (text: string): Fault =>
  () =>
    Promise.reject(new ReplyError(text));
