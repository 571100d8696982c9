import { ConnectionError } from "../../core/errors.ts";
import type { SendOptions } from "../../core/port/redis.ts";
import { effectiveTimeout, raceDeadline } from "../../core/time/deadline.ts";
import { Clock } from "./clock.ts";
import { type MemoryCommand, tellCommands } from "./command-events.ts";
import type { Engine } from "./engine-types.ts";
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

  /**
   * Runs the commands of one call in a session of their own, which ends with the call. The time in which the engine is loaded does not count:
   * on a busy machine that may take longer than a deadline.
   */
  async call<T>(timeout: number, options: SendOptions = {}, work: (session: Session) => Promise<T>): Promise<T> {
    const limit = effectiveTimeout(timeout, options);
    const { signal, bytes } = options;
    const engine = (this.#closed ? undefined : this.#engine) ?? (await raceDeadline(Infinity, signal, this.open));
    const session = new Session(engine, bytes);
    const run = () => work(session).finally(() => session.close());
    return raceDeadline(limit, signal, run, { onEnd: () => session.leave() });
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
