import { median } from "../harness/statistics.ts";
import { pause } from "../harness/work.ts";
import type { Take } from "./instance.ts";

const waiters = 50;
const hold = 5;

/** 50 waiters who come 1 ms apart and hold the lock for 5 ms each. */
export async function crowd(take: Take) {
  const served: number[] = [];
  const waits: number[] = [];
  const start = performance.now();
  const visit = async (_: unknown, i: number) => {
    await pause(i);
    const asked = performance.now();
    const release = await take("crowd");
    waits.push(performance.now() - asked);
    served.push(i);
    await pause(hold);
    await release();
  };
  await Promise.all(Array.from({ length: waiters }, visit));
  const total = performance.now() - start;
  return { total, wait: median(waits), outOfOrder: served.filter((who, i) => wasOvertaken(served, who, i)).length };
}

/** What the same holds take one after another, without a lock. */
export async function holdsAlone(): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < waiters; i += 1) await pause(hold);
  return performance.now() - start;
}

function wasOvertaken(served: readonly number[], who: number, i: number): boolean {
  return served.slice(0, i).some((before) => before > who);
}
