import { type CacheContext, report } from "../context.ts";

/** The work of one call that goes on after its answer. */
export interface Background {
  /** Takes work. It must not reject. */
  readonly add: (work: Promise<unknown>) => void;
  /** Hands the work to `waitUntil`, and what comes later, too. Returns it; `undefined` if there is none. */
  handOver(): Promise<void> | undefined;
}

/** Creates the place for the work of one call. A `waitUntil` that fails is reported, and costs the caller nothing. */
export function createBackground(
  context: CacheContext,
  id: string,
  waitUntil: ((work: Promise<unknown>) => unknown) | undefined,
): Background {
  const works: Promise<unknown>[] = [];
  let handedOver = false;
  const hand = async (work: Promise<unknown>) => {
    try {
      await waitUntil?.(work);
    } catch (error) {
      report(context, "error", id, { error });
    }
  };
  return {
    add(work) {
      works.push(work);
      // A call that was aborted has answered before its lease is given back.
      if (handedOver) void hand(work);
    },
    handOver() {
      handedOver = true;
      if (works.length === 0) return undefined;
      const all = settleAll(works);
      void hand(all);
      return all;
    },
  };
}

/** Waits for all works, also for those that are added meanwhile. */
async function settleAll(works: readonly Promise<unknown>[]): Promise<void> {
  for (const work of works) await work;
}
