import { checkDuration, checkDurationOrZero, checkFunction, checkOptions } from "../../core/check.ts";
import type { ReplyError } from "../../core/errors.ts";
import { isReplyError } from "../../core/failure.ts";
import type { Command, Redis, Reply, SendOptions } from "../../core/port/redis.ts";
import type { Subscriber } from "../../core/port/subscriber.ts";
import type { MemoryCommand } from "./command-events.ts";
import type { ListenOptions, Listening } from "./listen.ts";
import { EngineProcess } from "./process.ts";
import { createSubscriber } from "./subscriber.ts";

/** Options of `memory`. */
export interface MemoryOptions {
  /**
   * The deadline of every call, in milliseconds.
   * @default 2000
   */
  readonly timeout?: number;
  /** Called after each command of a client, also of one that came over TCP. Its errors are ignored. */
  readonly onCommand?: ((event: MemoryCommand) => void) | undefined;
}

/** A Redis inside this process: a port and a subscriber, with what tests need. */
export interface Memory extends Redis, Subscriber {
  transaction(commands: readonly Command[], options?: SendOptions): Promise<(Reply | ReplyError)[]>;
  /**
   * Moves its clock forward, in milliseconds: what expires by then is gone. Timers of this process, such as a deadline, do not move with it.
   * @throws {OptionError} `ms` is negative or not finite, or leads beyond the year 2200.
   */
  advance(ms: number): void;
  /** Deletes all keys. What it learned of scripts stays. */
  flush(): void;
  /**
   * Serves it to clients of Redis over TCP, without a password and on 127.0.0.1 alone.
   * @throws {Error} The port is in use.
   */
  listen(options?: ListenOptions): Promise<Listening>;
  /** Ends it and all that it listens on. Calls after it are rejected. */
  close(): Promise<void>;
}

/**
 * Creates a Redis inside this process, for tests, demos and a first try: nothing to install, to start or to clean up. It answers as Redis 7.0
 * does. Its data is gone when the process ends. Nothing starts before the first command.
 * @throws {OptionError} An option has no meaning.
 * @example
 * const redis = memory();
 * const limiter = createLimiter(redis, { prefix: "api", algorithm: slidingWindow({ limit: 2, window: hours(24) }) });
 * await limiter.limit("ada");
 * redis.advance(hours(24));
 */
export function memory(options?: MemoryOptions): Memory {
  const { timeout = 2_000, onCommand } = checkOptions(options, "{ timeout: 500 }") ?? {};
  checkDuration("timeout", timeout);
  if (onCommand !== undefined) checkFunction("onCommand", onCommand);
  const process = new EngineProcess(onCommand);
  return {
    bytes: true,
    timeout,
    async send(command, options) {
      const reply = await process.call(timeout, options, (session) => session.run(command));
      if (isReplyError(reply)) throw reply;
      return reply;
    },
    pipeline: (commands, options) =>
      process.call(timeout, options, (session) => Promise.all(commands.map(session.run))),
    transaction: (commands, options) => process.call(timeout, options, (session) => session.runTogether(commands)),
    ...createSubscriber(process.open),
    advance(ms) {
      process.clock.advance(checkDurationOrZero("ms", ms));
      process.engine?.state.sweepExpired();
    },
    flush: () => process.engine?.state.flushAllDatabases(),
    listen: (options) => process.listen(options),
    close: () => process.close(),
  };
}
