/** Receives the text of one message. It must not throw. */
export type Listener = (message: string) => void;

/** Options of one subscription. */
export interface SubscribeOptions {
  /** Ends the wait for the confirmation; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called after messages may have been missed, once the channel is subscribed again. */
  readonly onReconnect?: (() => void) | undefined;
}

/** Ends one subscription. Safe to call twice. */
export type Unsubscribe = () => Promise<void>;

/**
 * The second port: what holds a connection open. Delivery is at most once: messages sent while the connection is down are lost,
 * and `onReconnect` says so.
 */
export interface Subscriber {
  /**
   * Resolves once Redis has confirmed the channel.
   * @throws {ConnectionError} Redis was not reached.
   * @throws {TimeoutError} The deadline passed.
   */
  subscribe(channel: string, listener: Listener, options?: SubscribeOptions): Promise<Unsubscribe>;
}
