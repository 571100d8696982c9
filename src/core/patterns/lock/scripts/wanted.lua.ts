// Who waits for a release leaves the mark `wanted`. A release publishes on the channel of the same name, and only while the mark is
// there, so that a lock that nobody waits for costs no message. The messages are read in ../wake.ts. All of this expects `wanted`.

/** Leaves the mark until a second after the end of the lease that is in the way. Expects what that has `left`. */
export const markWanted = 'redis.call("SET", wanted, 1, "PX", left + 1000)';

/** Leaves the mark for as long as a place in a line is kept. Expects `patience`. */
export const markWantedInLine = 'redis.call("SET", wanted, 1, "PX", patience)';

/** Wakes one waiter in each process: the first that is not awake. */
export const wakeNext = 'redis.call("PUBLISH", wanted, "")';

/** Wakes every waiter. */
export const wakeAll = 'redis.call("PUBLISH", wanted, "*")';

/** Wakes the waiter with this token. */
export function wakeToken(token: string): string {
  return `redis.call("PUBLISH", wanted, ${token})`;
}
