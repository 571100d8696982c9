import { checkFunction, checkOptions, checkText } from "../check.ts";
import type { Listener, SubscribeOptions } from "./subscriber.ts";

/** One listener of a channel or of a pattern. */
export interface Subscription {
  readonly listener: Listener;
  readonly onReconnect: (() => void) | undefined;
  /** Whether its caller was told that it is subscribed. */
  confirmed: boolean;
}

/**
 * Checks what a subscriber was given.
 * @throws {OptionError} An argument has no meaning.
 */
export function toSubscription(listener: Listener, options: SubscribeOptions = {}): Subscription {
  const { onReconnect } = checkOptions(options, "{ signal, onReconnect }");
  if (onReconnect !== undefined) checkFunction("onReconnect", onReconnect);
  return { listener: checkFunction("listener", listener), onReconnect, confirmed: false };
}

/**
 * Checks the name of a channel or a pattern, and gives it as Redis will say it: UTF-8 has no lone surrogates.
 * @throws {OptionError} It is empty, or no string.
 */
export function toChannel(option: "channel" | "pattern", name: string): string {
  return /[\ud800-\udfff]/.test(checkText(option, name)) ? name.replace(/\p{Surrogate}/gu, "\ufffd") : name;
}

/** Gives one message to each subscription that is there now, unless it ends meanwhile. */
export function deliver(subscriptions: ReadonlySet<Subscription>, message: string, channel: string): void {
  Array.from(subscriptions).forEach((subscription) => {
    if (subscriptions.has(subscription)) callGuarded(() => subscription.listener(message, channel));
  });
}

/** An error of one listener becomes an uncaught exception, as with any event. The other listeners are still called. */
export function callGuarded(callback: () => void): void {
  try {
    callback();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
