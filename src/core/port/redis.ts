import type { ReplyError } from "../errors.ts";

/** One argument of a command. Numbers are sent as their decimal text. */
export type Arg = string | number;

/** A command as Redis reads it: `["SET", "key", "value", "PX", 1000]`. */
export type Command = readonly [name: string, ...args: Arg[]];

/** What Redis can answer: the RESP2 value domain. Errors are thrown or, in a pipeline, values of type `ReplyError`. */
export type Reply = string | number | null | Reply[];

/** Options of one call to Redis. */
export interface SendOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The deadline of this call, in milliseconds, where it is shorter than the adapter's.
   * @default the adapter's
   */
  readonly timeout?: number | undefined;
  /**
   * Claims that running the command twice equals running it once, so that an adapter may send it again after a lost reply.
   * @default false
   */
  readonly idempotent?: boolean | undefined;
}

/**
 * The port: everything the patterns ask of a Redis client. Every call has a deadline, set by the adapter; a command whose caller
 * gave up before it was written is never sent later.
 */
export interface Redis {
  /**
   * Sends one command.
   * @throws {ReplyError} Redis refused it.
   * @throws {ConnectionError} Redis was not reached, or its answer was lost.
   * @throws {TimeoutError} The deadline passed.
   */
  send(command: Command, options?: SendOptions): Promise<Reply>;
  /**
   * Sends several commands in one trip and answers in their order, failures as values. It is not atomic, and on a Cluster the
   * commands run in no order relative to each other.
   * @throws {ConnectionError | TimeoutError} Only the transport makes the whole call fail.
   */
  pipeline(commands: readonly Command[], options?: SendOptions): Promise<(Reply | ReplyError)[]>;
  /** Sends commands between MULTI and EXEC. Absent where the backend cannot. */
  transaction?(commands: readonly Command[], options?: SendOptions): Promise<(Reply | ReplyError)[]>;
  /** One port for each master of a Cluster, for what has no key: SCAN, INFO. Absent where there is one server only. */
  masters?(): Promise<readonly Redis[]>;
  /** A first line for every script, such as `#!lua flags=allow-key-locking`. Absent where scripts go out as they are. */
  readonly scriptHeader?: string | undefined;
  /** Whether a trip costs so much more than a script that a pattern should ask everything at once, as over HTTP. Absent is no. */
  readonly distant?: boolean | undefined;
}
