/** Receives the text of one message. It must not throw. */
export type Listener = (message: string) => void;

/** Options of one subscription. */
export interface SubscribeOptions {
  /** Ends the wait for the confirmation; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called once the channel is subscribed again after a lost connection. Messages may have been missed meanwhile. */
  readonly onReconnect?: (() => void) | undefined;
}

/** Ends one subscription. It may be called twice. */
export type Unsubscribe = () => Promise<void>;

/**
 * The second port: a connection that stays open for messages. Each message is delivered at most once. Messages that are sent while the
 * connection is down are lost; `onReconnect` is called then.
 */
export interface Subscriber {
  /**
   * Subscribes to a channel. It resolves once Redis has confirmed that.
   * @throws {ConnectionError} Redis was not reached.
   * @throws {TimeoutError} The deadline passed.
   */
  subscribe(channel: string, listener: Listener, options?: SubscribeOptions): Promise<Unsubscribe>;
}
