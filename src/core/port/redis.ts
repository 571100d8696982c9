import type { ReplyError } from "../errors.ts";

/** One argument of a command. Numbers are sent as their decimal text. */
export type Arg = string | number;

/** A command as Redis reads it: `["SET", "key", "value", "PX", 1000]`. */
export type Command = readonly [name: string, ...args: Arg[]];

/**
 * A reply of Redis, with the types of RESP2. An error is thrown; in a pipeline it is a value of type `ReplyError`. Only a call with the
 * option `bytes` gets a `bigint`, for an integer beyond 2^53; others get its digits as text.
 */
export type Reply = string | number | bigint | null | Reply[];

/** Options of one call to Redis. */
export interface SendOptions {
  /** Ends the wait; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * The deadline of this call, in milliseconds. A longer one than the adapter's has no effect.
   * @default the deadline of the adapter
   */
  readonly timeout?: number | undefined;
  /**
   * Says that the command may run twice with the same effect as once. An adapter may then send it again after a lost reply.
   * @default false
   */
  readonly idempotent?: boolean | undefined;
  /**
   * `true` carries bytes: each character of the strings, in the command and in its reply, is one byte. Only ports with `bytes` know it.
   * @default false, which carries text in UTF-8
   */
  readonly bytes?: boolean | undefined;
}

/**
 * The port: everything that the patterns need of a Redis client. Adapters such as `ioredis`, `rest` and `upstash` create one. The adapter
 * sets a deadline for every call. A command that was not written by then is never sent later.
 */
export interface Redis {
  /**
   * Sends one command.
   * @throws {ReplyError} Redis answered with an error.
   * @throws {ConnectionError} Redis was not reached, or its answer was lost.
   * @throws {TimeoutError} The deadline passed.
   */
  send(command: Command, options?: SendOptions): Promise<Reply>;
  /**
   * Sends several commands in one trip. The replies have the order of the commands; an error is a value among them. A pipeline is not
   * atomic, and on a Cluster its commands run in any order.
   * @throws {ConnectionError} Redis was not reached, or its answer was lost.
   * @throws {TimeoutError} The deadline passed.
   */
  pipeline(commands: readonly Command[], options?: SendOptions): Promise<(Reply | ReplyError)[]>;
  /** Sends commands between MULTI and EXEC. It is absent where the backend has no transactions. */
  transaction?(commands: readonly Command[], options?: SendOptions): Promise<(Reply | ReplyError)[]>;
  /** Gives one port for each master of a Cluster, for commands without a key such as SCAN. It is absent where there is one server. */
  masters?(): Promise<readonly Redis[]>;
  /** The first line of every script, such as `#!lua flags=allow-key-locking`. It is absent where scripts need none. */
  readonly scriptHeader?: string | undefined;
  /** `true` if a trip takes much longer than a script, as over HTTP. A pattern then asks for everything in one trip. */
  readonly distant?: boolean | undefined;
  /**
   * The deadline of its calls, in milliseconds.
   * @default 2000
   */
  readonly timeout?: number | undefined;
  /** `true` if calls may have the option `bytes`. It is absent where the backend carries text only. */
  readonly bytes?: boolean | undefined;
}
