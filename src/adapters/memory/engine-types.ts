import type * as EngineExports from "js-redis-server/core";

/** The module of the engine, for one clock. */
export type EngineModule = typeof EngineExports;

/** A Redis in this process. */
export interface Engine {
  readonly module: EngineModule;
  readonly state: InstanceType<EngineModule["RedisServerState"]>;
  readonly executor: InstanceType<EngineModule["CommandExecutor"]>;
}
