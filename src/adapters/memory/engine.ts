import * as EngineExports from "js-redis-server/core";
import { unchecked } from "../../core/unchecked.ts";
import type { Clock } from "./clock.ts";
import type { Engine, EngineModule } from "./engine-types.ts";
import { createEcho } from "./repairs/echo.ts";
import { type Repair, repairs } from "./repairs/repairs.ts";
import { type CallCounts, countCalls, tellCalls } from "./repairs/statistics.ts";

/** The build makes the engine's module a function: see scripts/embedded-engine.ts. */
const { createEngine } = unchecked<{ createEngine(clock: { now(): number }): EngineModule }>(EngineExports);

/** What it answers as. */
const compatibility = "redis-7.0";

/** Starts one and puts right what it does otherwise than Redis. */
export function startEngine(clock: Clock, changes: readonly Repair[] = repairs): Engine {
  const module = createEngine(clock);
  const state = new module.RedisServerState({ compatibility, databaseCount: 16 });
  const calls: CallCounts = new Map();
  const executor = module.createRedisCommandExecutor({
    compatibility,
    policies: [countCalls(calls)],
    extraCommands: [createEcho(module)],
  });
  const engine = { module, state, executor };
  for (const change of changes) change(engine, clock);
  tellCalls(engine, calls);
  return engine;
}
