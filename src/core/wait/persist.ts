import { codeOf, failureOf, isConnectionError } from "../failure.ts";
import { backoff } from "./backoff.ts";
import { sleep } from "./sleep.ts";

/**
 * Makes a call that may run twice, again and again through failures that pass, until it succeeds. The last attempt begins at most `most`
 * milliseconds after the first.
 * @throws The error of the last attempt.
 */
export async function persist<T>(call: () => Promise<T>, most: number): Promise<T> {
  const start = performance.now();
  for (let attempt = 0; ; attempt += 1) {
    const pause = backoff(attempt, { first: 25, factor: 2, most: 1_000 });
    const done = await call().then(
      (value) => ({ value }),
      (error: unknown) => {
        if (!mayPass(error) || performance.now() - start + pause > most) throw error;
      },
    );
    if (done) return done.value;
    await sleep(pause);
  }
}

/** Whether a failure may pass soon: Redis is out of reach, or refuses for the moment. A full or broken one stays so for long. */
function mayPass(error: unknown): boolean {
  return failureOf(error) === "passing" || isConnectionError(error);
}

/**
 * Whether a failed call may have been executed, or may still be: its reply was lost or not waited for, or nobody could read it. What it
 * may have taken has to be given back then.
 */
export function mayHaveRun(error: unknown, signal: AbortSignal | undefined): boolean {
  if (Reflect.get(Object(error), "sent") === false) return false;
  return signal?.aborted === true || /^(CONNECTION|TIMEOUT|SHAPE)$/.test(codeOf(error));
}

/** Hands work that goes on after the answer to the runtime. A hook that throws changes nothing: the work goes on, as well as it can. */
export function inBackground(
  waitUntil: ((work: Promise<unknown>) => void) | undefined,
  work: Promise<void>,
  onError: (error: unknown) => void,
): void {
  const settled = work.catch(onError);
  try {
    waitUntil?.(settled);
  } catch (error) {
    onError(error);
  }
}
