import { isReplyError } from "../../core/failure.ts";
import type { Command, Redis, SendOptions } from "../../core/port/redis.ts";
import type { CommandEvent } from "./view.ts";

/** Tells of each command that goes through a port. */
export function watchCommands(redis: Redis, onCommand: (event: CommandEvent) => void): Redis {
  const { transaction } = redis;

  async function watch<T>(commands: readonly Command[], run: () => Promise<T[]>): Promise<T[]> {
    const start = performance.now();
    const tell = (errorOf: (i: number) => unknown) => {
      const duration = performance.now() - start;
      commands.forEach((command, i) => onCommand({ ...describe(command), duration, error: messageOf(errorOf(i)) }));
    };
    try {
      const replies = await run();
      tell((i) => (isReplyError(replies[i]) ? replies[i] : undefined));
      return replies;
    } catch (error) {
      tell(() => error);
      throw error;
    }
  }
  return {
    ...redis,
    async send(command, options) {
      const [reply = null] = await watch([command], async () => [await redis.send(command, options)]);
      return reply;
    },
    pipeline: (commands, options) => watch(commands, () => redis.pipeline(commands, options)),
    ...(transaction && {
      transaction: (commands: readonly Command[], options?: SendOptions) =>
        watch(commands, () => transaction.call(redis, commands, options)),
    }),
  };
}

/** The keys of a script are counted; of another command, the first argument is its key more often than not. */
function describe([name, ...args]: Command): Pick<CommandEvent, "command" | "keys"> {
  const command = name.toUpperCase();
  const keys = /^(EVAL|FCALL)/.test(command) ? args.slice(2, 2 + Number(args[1])) : args.slice(0, 1);
  return { command, keys: keys.map(String) };
}

function messageOf(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined;
}
