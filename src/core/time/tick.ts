/**
 * Resolves after sixteen turns of the microtask queue, which is enough for promise chains of different lengths to end. A Worker's runtime
 * empties that queue before it turns to another request. So callers that share something until then belong to one request.
 */
export async function tickEnd(): Promise<void> {
  for (let turn = 0; turn < 16; turn += 1) await Promise.resolve();
}
