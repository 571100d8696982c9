/** When a plain timer of this process rings that is set for `at`: on a busy machine that is late, which is nobody's fault. */
export function timerAt(at: number): Promise<number> {
  return new Promise((resolve) => setTimeout(() => resolve(performance.now()), at - performance.now()));
}
