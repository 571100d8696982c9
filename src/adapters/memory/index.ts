export type { MemoryCommand } from "./command-events.ts";
export type { ListenOptions, Listening } from "./listen.ts";
export { memory, type Memory, type MemoryOptions } from "./memory.ts";
