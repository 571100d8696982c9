import { codeOf } from "../../core/failure.ts";
import { unchecked } from "../../core/unchecked.ts";
import type { Clock } from "./clock.ts";
import { allowInScripts, changeCommand } from "./commands.ts";
import type { Engine } from "./engine.ts";
import { addPrelude, readError } from "./prelude.ts";
import { createScan } from "./scan.ts";

/** One thing that the engine does otherwise than Redis, put right. Each has its test in test/unit/memory-repairs.test.ts. */
type Repair = (engine: Engine, clock: Clock) => void;

/** Puts right what the engine does otherwise than Redis. */
export function repairEngine(engine: Engine, clock: Clock): Engine {
  for (const repair of repairs) repair(engine, clock);
  return engine;
}

/** TIME has milliseconds there, so that two calls get the same. */
const tellMicroseconds: Repair = (engine, clock) => {
  const { RedisResult, RedisValue } = engine.module;
  const text = (value: number) => RedisValue.bulkString(Buffer.from(String(value)));
  changeCommand(engine, "time", () => () => {
    const now = clock.nowInMicroseconds();
    return RedisResult.create(RedisValue.array([text(Math.floor(now / 1e6)), text(now % 1e6)]));
  });
};

/** A scan passes over keys there while keys are deleted. */
const scanWhatWasThere: Repair = (engine) =>
  changeCommand(engine, "scan", (execute) => createScan(engine.module, execute));

/** Scripts get big numbers wrong there, and their clock does not stand still. */
const runScripts: Repair = ({ state }, clock) => {
  const load = state.getLuaRuntime.bind(state);
  const repaired = new WeakSet<object>();
  state.getLuaRuntime = async () => {
    const runtime = await load();
    if (repaired.has(runtime)) return runtime;
    repaired.add(runtime);
    const run = runtime.eval.bind(runtime);
    runtime.eval = (script, ...rest) =>
      readError(
        script,
        clock.hold(() => run(addPrelude(script), ...rest)),
      );
    return runtime;
  };
};

/** A script's first line such as `#!lua flags=no-writes` is a syntax error there. Redis refuses the flags that it does not know. */
const readHeaders: Repair = (engine) => {
  const { RedisResult } = engine.module;
  for (const name of ["eval", "eval_ro"]) {
    changeCommand(engine, name, (execute) => (args, context) => {
      const unknown = unknownFlag(String(unchecked<{ script: Buffer }>(args).script));
      if (unknown === undefined) return execute(args, context);
      return RedisResult.error(`Unexpected flag in script shebang: ${unknown}`, "ERR");
    });
  }
};

const knownFlags = /^(no-writes|allow-oom|allow-stale|no-cluster|allow-cross-slot-keys)$/;

function unknownFlag(script: string): string | undefined {
  const [, flags] = /^#!lua[^\n]*flags=(\S*)/.exec(script) ?? [];
  return flags?.split(",").find((flag) => !knownFlags.test(flag));
}

/** An acknowledgement for a group that does not exist is an error there. */
const acknowledgeNothing: Repair = (engine) => {
  const { RedisResult, RedisValue } = engine.module;
  changeCommand(engine, "xack", (execute) => (args, context) => {
    try {
      return execute(args, context);
    } catch (error) {
      if (codeOf(error) === "NOGROUP") return RedisResult.create(RedisValue.integer(0));
      throw error;
    }
  });
};

/** A group of which nothing is pending has an empty list of consumers there, and none in Redis. */
const pendingNothing: Repair = (engine) => {
  const { RedisResult, RedisValue } = engine.module;
  const nothing = [RedisValue.integer(0), RedisValue.null(), RedisValue.null(), RedisValue.nullArray()];
  changeCommand(engine, "xpending", (execute) => (args, context) => {
    const result = execute(args, context);
    const { mode } = unchecked<{ args: { mode: string } }>(args).args;
    const [count] = "value" in result && result.value.kind === "array" ? result.value.items : [];
    const isNothing = mode === "summary" && count?.kind === "integer" && Number(count.value) === 0;
    return isNothing ? RedisResult.create(RedisValue.array(nothing)) : result;
  });
};

/** A time of more than 53 bits is refused there. In Redis it has 64; here it lasts for 250,000 years. */
const longTimes: Repair = ({ executor }) => {
  const plan = executor.plan.bind(executor);
  executor.plan = (name, args) => {
    const isTime = timeArguments.get(String(name).toUpperCase());
    if (!isTime) return plan(name, args);
    const shorten = (arg: Buffer, i: number) => (isTime(i) && isLong(String(arg)) ? longest : arg);
    return plan(name, args.map(shorten));
  };
};

const second = (i: number) => i === 1;
const fromThird = (i: number) => i >= 2;

/** Which arguments may be a time. */
const timeArguments: ReadonlyMap<string, (i: number) => boolean> = new Map([
  ["SET", fromThird],
  ["GETEX", fromThird],
  ...["SETEX", "PSETEX", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"].map((name) => [name, second] as const),
]);

const longest = Buffer.from("8000000000000000");

function isLong(text: string): boolean {
  return /^[1-9]\d{15,18}$/.test(text) && Number(text) > Number(longest);
}

/** Scripts may pop from a set since Redis 5. */
const popInScripts: Repair = (engine) => allowInScripts(engine, "spop");

const repairs: readonly Repair[] = [
  tellMicroseconds,
  scanWhatWasThere,
  runScripts,
  readHeaders,
  acknowledgeNothing,
  pendingNothing,
  longTimes,
  popInScripts,
];
