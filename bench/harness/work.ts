import { quantile } from "./statistics.ts";

/** Makes so many calls, so many of them at once, and gives the milliseconds that all took. */
export async function atOnce(
  concurrency: number,
  calls: number,
  call: (i: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const lane = async () => {
    for (let i = next++; i < calls; i = next++) await call(i);
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: concurrency }, lane));
  return performance.now() - start;
}

/** Calls per second. */
export async function rate(concurrency: number, calls: number, call: (i: number) => Promise<unknown>): Promise<number> {
  return (calls / (await atOnce(concurrency, calls, call))) * 1_000;
}

/** Calls per second, and the milliseconds below which half and 99 of 100 of them took. */
export async function rateAndTimes(
  concurrency: number,
  calls: number,
  call: (i: number) => Promise<unknown>,
): Promise<readonly [rate: number, p50: number, p99: number]> {
  const times: number[] = [];
  const perSecond = await rate(concurrency, calls, async (i) => {
    const start = performance.now();
    await call(i);
    times.push(performance.now() - start);
  });
  return [perSecond, quantile(times, 0.5), quantile(times, 0.99)];
}

/** Microseconds of this process' CPU for each call. */
export async function cpuPerCall(
  concurrency: number,
  calls: number,
  call: (i: number) => Promise<unknown>,
): Promise<number> {
  const before = process.cpuUsage();
  await atOnce(concurrency, calls, call);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
