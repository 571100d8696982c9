/** Receives the text of one message and the channel that it came on. It must not throw. */
export type Listener = (message: string, channel: string) => void;

/** Options of one subscription. */
export interface SubscribeOptions {
  /** Ends the wait for the confirmation; the call then rejects with the signal's reason. It does not end the subscription. */
  readonly signal?: AbortSignal | undefined;
  /** Called once it is subscribed again after a lost connection. Messages may have been missed meanwhile. It must not throw. */
  readonly onReconnect?: (() => void) | undefined;
}

/** Ends one subscription: from the call on, its listener is not called. It may be called twice. */
export type Unsubscribe = () => Promise<void>;

/**
 * The second port: a connection that stays open for messages. Each message is delivered at most once to each subscription. Messages that
 * are sent while the connection is down are lost; `onReconnect` is called then. A message on a channel that is subscribed by its name and
 * matches a pattern is one message for each of the two subscriptions.
 */
export interface Subscriber {
  /**
   * Subscribes to a channel. It resolves once Redis has confirmed that.
   * @throws {OptionError} The channel is empty, or the listener is no function.
   * @throws {ReplyError} Redis refused it, such as with NOPERM.
   * @throws {ConnectionError} Redis was not reached.
   * @throws {TimeoutError} The deadline passed.
   */
  subscribe(channel: string, listener: Listener, options?: SubscribeOptions): Promise<Unsubscribe>;
  /**
   * Subscribes to all channels whose names match a pattern, also to those that do not exist yet. `*` stands for any text, `?` for one byte,
   * `[ab]` for one of these, and a backslash makes the next character mean itself. It resolves and fails as `subscribe` does.
   */
  psubscribe(pattern: string, listener: Listener, options?: SubscribeOptions): Promise<Unsubscribe>;
}

/** Ends a subscription: from the call on, its listener is not called. It resolves when Redis has heard of it. It may be called twice. */
export interface StopListening {
  (): Promise<void>;
  /** The same, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}
