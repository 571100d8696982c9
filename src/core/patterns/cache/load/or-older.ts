import { raceDeadline } from "../../../time/deadline.ts";
import { TimeoutError } from "../../../errors.ts";
import type { Job } from "./call.ts";

/**
 * What a load answers; or what there is of older, if the load fails or takes longer than `softTimeout`, after which it goes on. What is
 * older may be found only while it is waited for: then it is served when the time is over once more.
 */
export async function orOlder<A>(
  softTimeout: number | undefined,
  job: Pick<Job<never>, "signal" | "later">,
  load: Promise<A>,
  older: () => A | undefined,
): Promise<A> {
  let late: Error | undefined;
  const tooLate = () => (late = new TimeoutError(0));
  try {
    return await (softTimeout === undefined ? load : raceDeadline(softTimeout, undefined, () => load, tooLate));
  } catch (error) {
    job.signal?.throwIfAborted();
    const old = older();
    if (old === undefined && late && error === late) return orOlder(softTimeout, job, load, older);
    if (old === undefined) throw error;
    job.later(load.catch(() => undefined));
    return old;
  }
}
