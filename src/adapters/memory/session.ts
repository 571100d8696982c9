import { OptionError, ReplyError } from "../../core/errors.ts";
import { isReplyError } from "../../core/failure.ts";
import { argText } from "../../core/port/arg.ts";
import type { Command, Reply } from "../../core/port/redis.ts";
import type { Engine } from "./engine-types.ts";
import { type EngineReply, toReply } from "./replies.ts";

/** Commands that change the connection that they come on, or take it over. Here every call has its own, which ends with the call. */
const needsConnection =
  /^(SELECT|MULTI|EXEC|DISCARD|WATCH|UNWATCH|[PS]?SUBSCRIBE|[PS]?UNSUBSCRIBE|MONITOR|AUTH|HELLO|RESET|QUIT)$/i;

/** What a client of the engine is: the state of one connection. */
export class Session {
  readonly #session: InstanceType<Engine["module"]["ClientSession"]>;
  readonly #bytes: boolean;
  readonly #left = new AbortController();

  constructor({ module, state, executor }: Engine, bytes = false) {
    this.#session = new module.ClientSession({ server: state, executor, signal: this.#left.signal });
    this.#bytes = bytes;
  }

  /** Runs a command. What Redis refuses is a value. */
  readonly run = async (command: Command): Promise<Reply | ReplyError> => {
    const [name] = command;
    if (!needsConnection.test(name)) return toReply(await this.#execute(command), this.#bytes);
    return new ReplyError(`ERR ${name} needs a connection of its own: connect a client to \`listen()\``);
  };

  /**
   * Runs commands as a transaction.
   * @throws {ReplyError} Redis refused one of them before they ran. None did.
   */
  async runTogether(commands: readonly Command[]): Promise<(Reply | ReplyError)[]> {
    if (commands.length === 0) return [];
    await this.#execute(["MULTI"]);
    const queued = await Promise.all(commands.map(this.run));
    const replies = await this.#execute(["EXEC"]);
    if (replies.kind === "array") return replies.items.map((item) => toReply(item, this.#bytes));
    // Redis answers EXECABORT. The error of the command that it refused says why.
    throw queued.find(isReplyError) ?? toReply(replies);
  }

  async #execute([name, ...args]: Command): Promise<EngineReply> {
    if (typeof name !== "string" || name === "") throw new OptionError("A command must begin with its name");
    const encoding = this.#bytes ? "latin1" : "utf8";
    const texts = args.map((arg) => Buffer.from(argText(arg), encoding));
    const result = await this.#session.execute(name, texts);
    if ("value" in result) return result.value;
    result.close("it needs a connection of its own");
    return { kind: "error", code: "ERR", message: `${name} needs a connection of its own` };
  }

  /** Ends what waits. */
  leave(): void {
    this.#left.abort();
  }

  close(): void {
    this.#session.close();
  }
}
