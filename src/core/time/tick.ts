/**
 * Resolves when the promises of this tick have had sixteen turns: enough for patterns whose promise chains differ in length. It waits
 * by microtasks alone, which a Worker's runtime drains before it turns to another request; so whoever shares something until then
 * is of one request.
 */
export async function tickEnd(): Promise<void> {
  for (let turn = 0; turn < 16; turn += 1) await Promise.resolve();
}
