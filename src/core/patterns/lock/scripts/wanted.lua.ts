import { publish } from "../../../script/fragments.lua.ts";

// A waiter leaves the mark `wanted`. A release publishes on the channel of the same name, and only while the mark is there: a
// lock that nobody waits for costs no message. What a message says is read in wait/wake.ts. The lines below expect `wanted`.

/** The asker does not wait. Expects what it does when it is refused as `whenBusy`, as do the next two. */
export const leaves = 'whenBusy == "leave"';

/** The asker waits. */
export const waits = 'whenBusy ~= "leave"';

/** The asker waits, and hears of no release. */
export const polls = 'whenBusy == "poll"';

/** Leaves the mark until a second after the end of the lease that is in the way, which has `left` milliseconds. */
export const markWanted = 'redis.call("SET", wanted, 1, "PX", left + 1000)';

/** Leaves the mark for as long as a place in a line is kept. Expects `patience`. */
export const markWantedInLine = 'redis.call("SET", wanted, 1, "PX", patience)';

/** Wakes the first waiter of each process. */
export const wakeNext = publish("wanted", '""');

/** Wakes every waiter. */
export const wakeAll = publish("wanted", '"*"');

/** Wakes the waiter with this token. */
export function wakeToken(token: string): string {
  return publish("wanted", token);
}
