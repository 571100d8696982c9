import { codeOf } from "../../../core/failure.ts";
import { unchecked } from "../../../core/unchecked.ts";
import type { Clock } from "../clock.ts";
import { allowInScripts, changeArguments, changeCommand } from "./commands.ts";
import type { Engine } from "../engine-types.ts";
import { estimateAsRedis } from "./estimates.ts";
import { addLongDoubles } from "./long-doubles.ts";
import { addPrelude, readError } from "./prelude.ts";
import type { EngineReply } from "../replies.ts";
import { headerFault, writesNothing } from "./script-header.ts";
import { createScan } from "./scan.ts";
import { spellScores } from "./scores.ts";

/** One thing that the engine does otherwise than Redis, put right. Each has its test in test/unit/memory-repairs.test.ts. */
export type Repair = (engine: Engine, clock: Clock) => void;

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
    runtime.eval = (script, keys, args, context, options) => {
      const readOnly = options?.readOnly === true || writesNothing(script);
      const reply = clock.hold(() => run(addPrelude(script), keys, args, context, { readOnly }));
      return readError(script, reply);
    };
    return runtime;
  };
};

/** A script's first line such as `#!lua flags=no-writes` is a syntax error there. */
const readHeaders: Repair = (engine) => {
  const { RedisResult } = engine.module;
  for (const name of ["eval", "eval_ro"]) {
    changeCommand(engine, name, (execute) => (args, context) => {
      const fault = headerFault(String(unchecked<{ script: Buffer }>(args).script));
      return fault === undefined ? execute(args, context) : RedisResult.error(fault, "ERR");
    });
  }
};

/**
 * Scripts end after ten million steps there, which take a twentieth of a second, and lack some of what Redis gives them. Here they end after
 * a billion, or about seven seconds: one that goes on for ever would stop the whole process.
 */
const provideScripts: Repair = ({ module }) =>
  module.setLuaWasmLoadOptions({
    limits: { maxFuel: 1_000_000_000 },
    redisProps: {
      REPL_NONE: { value: 0 },
      REPL_AOF: { value: 1 },
      REPL_SLAVE: { value: 2 },
      REPL_REPLICA: { value: 2 },
      REPL_ALL: { value: 3 },
      set_repl: { returns: null },
      replicate_commands: { returns: true },
      breakpoint: { returns: false },
      acl_check_cmd: { returns: true },
    },
  });

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

/** `MAXLEN = 5` and `MINID = 5` are syntax errors there. It is what both mean without the sign. */
const exactTrims: Repair = (engine) => {
  const isExact = (args: readonly Buffer[], i: number) => {
    const option = String(args[i - 1]);
    return String(args[i]) === "=" && i <= 3 && /^(maxlen|minid)$/i.test(option);
  };
  changeArguments(engine, ["xadd", "xtrim"], (args) => args.filter((_, i) => !isExact(args, i)));
};

/** The summary of what is pending has an empty list of consumers there if it is nothing, and counts them in numbers. Redis has none, and texts. */
const summarizePending: Repair = (engine) => {
  const { RedisResult, RedisValue } = engine.module;
  const nothing = [RedisValue.integer(0), RedisValue.null(), RedisValue.null(), RedisValue.nullArray()];
  const toText = (value: EngineReply): EngineReply =>
    value.kind === "integer" ? RedisValue.bulkString(Buffer.from(String(value.value))) : value;
  const spell = (consumer: EngineReply): EngineReply =>
    consumer.kind === "array" ? RedisValue.array(consumer.items.map(toText)) : consumer;
  changeCommand(engine, "xpending", (execute) => (args, context) => {
    const result = execute(args, context);
    const { mode } = unchecked<{ args: { mode: string } }>(args).args;
    if (mode !== "summary" || !("value" in result) || result.value.kind !== "array") return result;
    const [count, first, last, consumers] = result.value.items;
    if (count?.kind === "integer" && Number(count.value) === 0) return RedisResult.create(RedisValue.array(nothing));
    if (!count || !first || !last || consumers?.kind !== "array") return result;
    return RedisResult.create(RedisValue.array([count, first, last, RedisValue.array(consumers.items.map(spell))]));
  });
};

/** A time of more than 53 bits is refused there. In Redis it has 64; here it lasts for 250,000 years. */
const longTimes: Repair = (engine) => {
  const shorten = (isTime: (i: number) => boolean) => (args: readonly Buffer[]) =>
    args.map((arg, i) => (isTime(i) && isLong(String(arg)) ? longest : arg));
  const names = ["setex", "psetex", "expire", "pexpire", "expireat", "pexpireat"];
  changeArguments(
    engine,
    ["set", "getex"],
    shorten((i) => i >= 2),
  );
  changeArguments(
    engine,
    names,
    shorten((i) => i === 1),
  );
};

const longest = Buffer.from("8000000000000000");

function isLong(text: string): boolean {
  return /^[1-9]\d{15,18}$/.test(text) && Number(text) > Number(longest);
}

/** A bound of scores is infinite there only with its sign. A script's infinite number has none. */
const infiniteBounds: Repair = (engine) => {
  const names = ["zcount", "zrange", "zrangestore", "zrangebyscore", "zrevrangebyscore", "zremrangebyscore"];
  const spell = (arg: Buffer, i: number) => {
    const bound = i > 0 && i < 4 && /^(\(?)([+-]?)inf(inity)?$/i.exec(String(arg));
    return bound ? Buffer.from(`${bound[1]}${bound[2] || "+"}inf`) : arg;
  };
  changeArguments(engine, names, (args) => args.map(spell));
};

/** A range that ends before the beginning of a text is empty there. Redis takes its first byte, unless both ends stand the wrong way round. */
const rangeBefore: Repair = (engine) =>
  changeCommand(engine, "getrange", (execute) => (args, context) => {
    const { key, start, end } = unchecked<{ key: Buffer; start: number; end: number }>(args);
    const isReversed = start < 0 && end < 0 && start > end;
    const length = (!isReversed && context.db.getType(key) === "string" && context.db.getString(key)?.length) || 0;
    return execute({ key, start, end: length > 0 && end < -length ? -length : end }, context);
  });

/** What stores a set refuses to do so over something else there, and leaves the time to live of what was there before. */
const storeAnew: Repair = (engine) => {
  for (const name of ["sinterstore", "sunionstore", "sdiffstore", "zinterstore", "zunionstore", "zdiffstore"]) {
    changeCommand(engine, name, (execute) => (args, context) => {
      const { db } = context;
      const anew =
        <Update>(update: (key: Buffer, change: Update) => unknown) =>
        (key: Buffer, change: Update) => {
          db.delete(key);
          return update.call(db, key, change);
        };
      const changed = { updateSet: anew(db.updateSet), updateSortedSet: anew(db.updateSortedSet) };
      const readFrom = (property: string | symbol): unknown => {
        const own: unknown = Reflect.get(changed, property) ?? Reflect.get(db, property);
        return typeof own === "function" && !Object.hasOwn(changed, property) ? own.bind(db) : own;
      };
      return execute(args, { ...context, db: new Proxy(db, { get: (_, property) => readFrom(property) }) });
    });
  }
};

/** Scripts may do this since Redis 5, although it goes by chance. */
const chanceInScripts: Repair = (engine) =>
  ["spop", "srandmember", "hrandfield"].forEach((name) => allowInScripts(engine, name));

/** All of them. */
export const repairs: readonly Repair[] = [
  tellMicroseconds,
  scanWhatWasThere,
  runScripts,
  readHeaders,
  provideScripts,
  acknowledgeNothing,
  exactTrims,
  infiniteBounds,
  rangeBefore,
  storeAnew,
  spellScores,
  addLongDoubles,
  chanceInScripts,
  summarizePending,
  longTimes,
  estimateAsRedis,
];
