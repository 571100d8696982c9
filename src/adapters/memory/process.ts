import { ConnectionError } from "../../core/errors.ts";
import type { SendOptions } from "../../core/port/redis.ts";
import { effectiveTimeout, raceDeadline } from "../../core/time/deadline.ts";
import { Clock } from "./clock.ts";
import { type MemoryCommand, tellCommands } from "./command-events.ts";
import type { Engine } from "./engine.ts";
import { listen, type ListenOptions, type Listening } from "./listen.ts";
import { Session } from "./session.ts";

/** The life of one engine: it starts with the first command, and ends when it is closed. */
export class EngineProcess {
  readonly clock = new Clock();
  readonly #listenings = new Set<Listening>();
  readonly #onCommand: ((event: MemoryCommand) => void) | undefined;
  #starting: Promise<Engine> | undefined;
  #engine: Engine | undefined;
  #closed = false;

  constructor(onCommand: ((event: MemoryCommand) => void) | undefined) {
    this.#onCommand = onCommand;
  }

  /** The engine, if there is one already. */
  get engine(): Engine | undefined {
    return this.#engine;
  }

  /** @throws {ConnectionError} It is closed. */
  readonly open = async (): Promise<Engine> => {
    if (this.#closed) throw new ConnectionError("The Redis in memory is closed", false);
    return (this.#starting ??= this.#start());
  };

  /** Runs the commands of one call in a session of their own, which ends with the call. */
  async call<T>(timeout: number, options: SendOptions = {}, work: (session: Session) => Promise<T>): Promise<T> {
    let session: Session | undefined;
    let left = false;
    const run = async () => {
      const engine = await this.open();
      // Nobody waits any more, so nothing is sent.
      if (left) throw new ConnectionError("The call has ended", false);
      session = new Session(engine, options.bytes);
      return work(session).finally(() => session?.close());
    };
    const onEnd = () => {
      left = true;
      session?.close();
    };
    return raceDeadline(effectiveTimeout(timeout, options), options.signal, run, { onEnd });
  }

  async listen(options?: ListenOptions): Promise<Listening> {
    const listening = await listen(await this.open(), options);
    this.#listenings.add(listening);
    return listening;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#listenings].map((listening) => listening.close()));
    (await this.#starting)?.state.close();
  }

  async #start(): Promise<Engine> {
    const { startEngine } = await import("./engine.ts");
    const engine = startEngine(this.clock);
    if (this.#onCommand) tellCommands(engine, this.#onCommand);
    this.#engine = engine;
    return engine;
  }
}
