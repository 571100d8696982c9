import { unchecked } from "../../../core/unchecked.ts";
import { changeCommand } from "./commands.ts";
import type { Engine, EngineModule } from "../engine-types.ts";

/** How often each command ran, also those of scripts. */
export type CallCounts = Map<string, number>;

type Policy = NonNullable<NonNullable<Parameters<EngineModule["createRedisCommandExecutor"]>[0]>["policies"]>[number];

/** Counts the commands that run. What MULTI holds back is counted by EXEC. */
export function countCalls(calls: CallCounts): Policy {
  return {
    name: "statistics",
    beforeExecute({ definition: { name } }, { session }) {
      if (session.mode !== "transaction") calls.set(name, (calls.get(name) ?? 0) + 1);
      return undefined;
    },
  };
}

/** Tells the counts by INFO commandstats. CONFIG RESETSTAT begins anew. */
export function tellCalls(engine: Engine, calls: CallCounts): void {
  const { RedisResult, RedisValue } = engine.module;
  changeCommand(engine, "config", (execute) => (args, context) => {
    if (/^resetstat$/i.test(unchecked<{ subcommand: string }>(args).subcommand)) calls.clear();
    return execute(args, context);
  });
  changeCommand(engine, "info", (execute) => (args, context) => {
    const { sections } = unchecked<{ sections: readonly string[] }>(args);
    if (!sections.some((section) => /^commandstats$/i.test(section))) return execute(args, context);
    const lines = [...calls].map(([name, count]) => `cmdstat_${name}:calls=${count}`);
    return RedisResult.create(RedisValue.bulkString(Buffer.from(["# Commandstats", ...lines, ""].join("\r\n"))));
  });
}
