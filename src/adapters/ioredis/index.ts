export type { IoredisBatch, IoredisClient } from "./client.ts";
export { ioredis } from "./ioredis.ts";
export type { IoredisOptions } from "./ioredis.ts";
