import { callGuarded, type Subscription } from "../../core/port/subscriptions.ts";

/** The command that a path names. */
export type Word = "subscribe" | "psubscribe";

/** A caller that waits for the confirmation of its subscription. */
export interface Waiting {
  /** How many requests have failed since it waits. */
  failures: number;
  resolve(): void;
  reject(reason: unknown): void;
}

/** A channel or a pattern. One to which nobody listens any more goes with the next opening of its stream. */
export interface Channel {
  readonly word: Word;
  readonly name: string;
  /** The name as a part of a path. */
  readonly part: string;
  readonly subscriptions: Set<Subscription>;
  readonly waiting: Map<Subscription, Waiting>;
  /** Whether the stream that is open now has it. */
  open: boolean;
}

/** Whether somebody listens to it. */
export function isUsed({ subscriptions }: Channel): boolean {
  return subscriptions.size > 0;
}

/** Tells the subscriptions of a channel that it is confirmed: again, for those that were told before. */
export function confirm(channel: Channel): void {
  channel.open = true;
  // A callback may subscribe again; that is for no callback of this round.
  Array.from(channel.subscriptions).forEach((subscription) => {
    if (subscription.confirmed) tellGap(channel, subscription);
    else admit(channel, subscription);
  });
}

/** Tells the subscriptions of a channel that messages may be missing. */
export function tellGaps(channel: Channel): void {
  Array.from(channel.subscriptions).forEach((subscription) => tellGap(channel, subscription));
}

/** Ends the wait of a subscription. */
export function admit({ waiting }: Channel, subscription: Subscription): void {
  subscription.confirmed = true;
  waiting.get(subscription)?.resolve();
  waiting.delete(subscription);
}

/**
 * Ends the waits for a request that failed.
 * @param patience How many requests may fail before a caller is told.
 */
export function refuseWaiting({ waiting, subscriptions }: Channel, error: unknown, patience: number): void {
  for (const [subscription, caller] of waiting) {
    caller.failures += 1;
    if (caller.failures < patience) continue;
    waiting.delete(subscription);
    subscriptions.delete(subscription);
    caller.reject(error);
  }
}

function tellGap({ subscriptions }: Channel, subscription: Subscription): void {
  if (subscriptions.has(subscription)) callGuarded(() => subscription.onReconnect?.());
}
