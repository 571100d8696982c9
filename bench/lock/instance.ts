import type { Asked } from "../harness/contender.ts";

/** Takes the lock, waiting for it as long as it takes, and gives what releases it. */
export type Take = (name: string) => Promise<() => Promise<unknown>>;

/** A lock whose call takes it and releases it at once. */
export interface LockInstance extends Asked {
  readonly take: Take;
}

/** How long a lock is held at most, and waited for at most, in milliseconds. */
export const ttl = 10_000;
export const wait = 60_000;

export function instanceOf(take: Take, close: () => unknown = () => {}): LockInstance {
  return { take, close, call: async (name) => (await take(name))() };
}
