import type { Command, Redis, Reply, SendOptions } from "../core/port/redis.ts";
import type { ReplyError } from "../core/errors.ts";
import { effectiveTimeout, withDeadline } from "../core/time/deadline.ts";
import { FaultQueue, type Trip } from "./fault-queue.ts";
import { Gate } from "./gate.ts";
import { Tally } from "./tally.ts";

/** What lies between a port and its callers. The masters of a Cluster share it. */
export class Wire {
  readonly faults = new FaultQueue();
  readonly gate = new Gate();
  readonly tally = new Tally();
  readonly #only: (command: Command) => boolean;

  constructor(only: (command: Command) => boolean) {
    this.#only = only;
  }

  /** The same port at the other end of the wire. */
  wrap<R extends Redis>(redis: R): R {
    const { transaction, masters, timeout } = redis;
    return {
      ...redis,
      send: (command, options) => this.#carry(timeout, [command], options, (own) => redis.send(command, own), raise),
      pipeline: (commands, options) =>
        this.#carry<(Reply | ReplyError)[]>(
          timeout,
          commands,
          options,
          (own) => redis.pipeline(commands, own),
          (error) => commands.map(() => error),
        ),
      ...(transaction && {
        transaction: (commands: readonly Command[], options?: SendOptions) =>
          this.#carry(timeout, commands, options, (own) => transaction.call(redis, commands, own), raise),
      }),
      ...(masters && { masters: async () => (await masters.call(redis)).map((master) => this.wrap(master)) }),
    };
  }

  async #carry<T>(
    timeout = 2_000,
    commands: readonly Command[],
    options: SendOptions | undefined,
    run: (options?: SendOptions) => Promise<T>,
    refused: Trip<T>["refused"],
  ): Promise<T> {
    // Nobody waits, so that the port sends nothing.
    if (options?.signal?.aborted) return run(options);
    this.tally.send(commands);
    if (!commands.some(this.#only)) return run(options);
    const trip: Trip<T> = {
      run: () => run(options),
      // What is on its way arrives, whether or not somebody waits for it.
      runLate: () => run({ ...options, signal: undefined }),
      refused,
    };
    const pass = (signal: AbortSignal) => this.gate.pass(signal, () => this.faults.meet(trip, signal));
    return this.tally.trip(() => withDeadline(effectiveTimeout(timeout, options ?? {}), options?.signal, pass));
  }
}

function raise(error: ReplyError): never {
  throw error;
}
