import { checkDuration, checkFunction, checkOptions } from "../../core/check.ts";
import { ConnectionError, ReplyError } from "../../core/errors.ts";
import { isReplyError } from "../../core/failure.ts";
import type { Command, Redis, Reply, SendOptions } from "../../core/port/redis.ts";
import type { Subscriber } from "../../core/port/subscriber.ts";
import { effectiveTimeout, raceDeadline } from "../../core/time/deadline.ts";
import { Clock } from "./clock.ts";
import type { Engine } from "./engine.ts";
import { type MemoryCommand, tellCommands } from "./command-events.ts";
import { listen, type ListenOptions, type Listening } from "./listen.ts";
import { Session } from "./session.ts";
import { createSubscribe } from "./subscriber.ts";

/** Options of `memory`. */
export interface MemoryOptions {
  /**
   * The deadline of every call, in milliseconds.
   * @default 2000
   */
  readonly timeout?: number;
  /** Called after each command of a client, also of one that came over TCP. */
  readonly onCommand?: ((event: MemoryCommand) => void) | undefined;
}

/** A Redis inside this process: a port and a subscriber, with what tests need. */
export interface Memory extends Redis, Subscriber {
  transaction(commands: readonly Command[], options?: SendOptions): Promise<(Reply | ReplyError)[]>;
  /**
   * Moves its clock forward, in milliseconds: what expires by then is gone. Timers of this process, such as a deadline, do not move with it.
   * @throws {OptionError} `ms` is no whole number of 0 or more.
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
  const clock = new Clock();
  const listenings = new Set<Listening>();
  let starting: Promise<Engine> | undefined;
  let engine: Engine | undefined;
  let closed = false;

  async function start(): Promise<Engine> {
    const { startEngine } = await import("./engine.ts");
    engine = startEngine(clock);
    if (onCommand) tellCommands(engine, onCommand);
    return engine;
  }

  function open(): Promise<Engine> {
    if (closed) return Promise.reject(new ConnectionError("The Redis in memory is closed", false));
    return (starting ??= start());
  }

  /** Runs the commands of one call in a session of their own, which ends with the call. */
  async function call<T>(options: SendOptions | undefined, work: (session: Session) => Promise<T>): Promise<T> {
    const limit = effectiveTimeout(timeout, options ?? {});
    let session: Session | undefined;
    let left = false;
    const run = async () => {
      const engine = await open();
      // Nobody waits any more, so nothing is sent.
      if (left) throw new ConnectionError("The call has ended", false);
      session = new Session(engine, options?.bytes);
      try {
        return await work(session);
      } finally {
        session.close();
      }
    };
    const onEnd = () => {
      left = true;
      session?.close();
    };
    return raceDeadline(limit, options?.signal, run, { onEnd });
  }

  return {
    bytes: true,
    timeout,
    async send(command, options) {
      const reply = await call(options, (session) => session.run(command));
      if (isReplyError(reply)) throw reply;
      return reply;
    },
    pipeline: (commands, options) => call(options, (session) => Promise.all(commands.map(session.run))),
    transaction: (commands, options) => call(options, (session) => runTransaction(session, commands)),
    subscribe: createSubscribe(open, timeout),
    advance(ms) {
      clock.advance(checkDuration("ms", ms, 0));
      engine?.state.sweepExpired();
    },
    flush: () => engine?.state.flushAllDatabases(),
    async listen(options) {
      const listening = await listen(await open(), options);
      listenings.add(listening);
      return listening;
    },
    async close() {
      closed = true;
      await Promise.all([...listenings].map((listening) => listening.close()));
      (await starting)?.state.close();
    },
  };
}

/** Runs commands between MULTI and EXEC. */
async function runTransaction(session: Session, commands: readonly Command[]): Promise<(Reply | ReplyError)[]> {
  if (commands.length === 0) return [];
  await session.state(["MULTI"]);
  const queued = await Promise.all(commands.map(session.run));
  const replies = await session.state(["EXEC"]);
  // Redis answers EXECABORT. The error of the command that it refused while queueing says why.
  if (isReplyError(replies)) throw queued.find(isReplyError) ?? replies;
  return replies as (Reply | ReplyError)[];
}
