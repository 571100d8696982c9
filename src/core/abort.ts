/** What waits for each signal. One listener serves all that wait for one signal: Node warns of a leak when there are more than ten. */
const waiting = /* @__PURE__ */ new WeakMap<AbortSignal, Set<() => void>>();

/** Calls back once when the signal aborts. Returns a function that takes this back. */
export function onAbort(signal: AbortSignal | undefined, call: () => void): () => void {
  if (!signal) return () => {};
  const calls = waiting.get(signal) ?? new Set();
  if (calls.size === 0) signal.addEventListener("abort", callAll);
  waiting.set(signal, calls.add(call));
  return () => {
    if (calls.delete(call) && calls.size === 0) signal.removeEventListener("abort", callAll);
  };
}

function callAll(this: AbortSignal): void {
  waiting.get(this)?.forEach((call) => call());
}

/** Calls once when the signal aborts, at once if it has, and settles as the call does. A failure that nobody waits for harms nobody. */
export function afterAbort(signal: AbortSignal, call: () => Promise<void>): Promise<void> {
  const ended = new Promise<void>((resolve, reject) => {
    const end = () => void call().then(resolve, reject);
    if (signal.aborted) end();
    else onAbort(signal, end);
  });
  ended.catch(() => {});
  return ended;
}
