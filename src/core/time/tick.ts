/**
 * Resolves after sixteen turns of the microtask queue, which is enough for promise chains of different lengths to end. A Worker's runtime
 * empties that queue before it turns to another request. So callers that share something until then belong to one request.
 */
export async function tickEnd(): Promise<void> {
  for (let turn = 0; turn < 16; turn += 1) await Promise.resolve();
}

let tick: object | undefined;

/** Names the tick: all that ask before the microtasks run that are queued now get the same object. */
export function currentTick(): object {
  if (!tick) {
    tick = {};
    // A promise costs less than `queueMicrotask`, which is told to Node's async hooks.
    void now.then(endTick);
  }
  return tick;
}

const now = /* @__PURE__ */ Promise.resolve();

function endTick(): void {
  tick = undefined;
}
