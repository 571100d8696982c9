import { OptionError, ReplyError } from "../../core/errors.ts";
import { argText } from "../../core/port/arg.ts";
import type { Command, Reply } from "../../core/port/redis.ts";
import type { Engine } from "./engine.ts";
import { toReply } from "./replies.ts";

/** Commands that change the connection that they come on, or take it over. Here every call has its own, which ends with the call. */
const needsConnection = /^(SELECT|MULTI|EXEC|DISCARD|WATCH|UNWATCH|[PS]?SUBSCRIBE|[PS]?UNSUBSCRIBE|MONITOR|AUTH|HELLO|RESET|QUIT)$/;

/** What a client of the engine is: the state of one connection. */
export class Session {
  readonly #session: InstanceType<Engine["module"]["ClientSession"]>;
  readonly #bytes: boolean;

  constructor({ module, state, executor }: Engine, bytes = false) {
    this.#session = new module.ClientSession({ server: state, executor });
    this.#bytes = bytes;
  }

  /** Runs a command. What Redis refuses is a value. */
  readonly run = (command: Command): Promise<Reply | ReplyError> => {
    const name = String(command[0]).toUpperCase();
    if (!needsConnection.test(name)) return this.state(command);
    const remedy = `connect a client to \`listen()\``;
    return Promise.resolve(new ReplyError(`ERR ${name} needs a connection of its own: ${remedy}`));
  };

  /** Runs a command that may change the state of the connection. */
  async state([name, ...args]: Command): Promise<Reply | ReplyError> {
    if (typeof name !== "string" || name === "") throw new OptionError("A command must begin with its name");
    const encoding = this.#bytes ? "latin1" : "utf8";
    const texts = args.map((arg) => Buffer.from(argText(arg), encoding));
    const result = await this.#session.execute(name, texts);
    if ("value" in result) return toReply(result.value, this.#bytes);
    result.close("it needs a connection of its own");
    return new ReplyError(`ERR ${name} needs a connection of its own`);
  }

  close(): void {
    this.#session.close();
  }
}
