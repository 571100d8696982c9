export type { IoredisBatch, IoredisClient, IoredisSubscriberClient } from "./client.ts";
export { ioredis } from "./ioredis.ts";
export type { IoredisOptions } from "./ioredis.ts";
export { setPassword } from "./password.ts";
export { lambda, managedCluster, server } from "./presets.ts";
export type { ClusterPreset, ConnectionPreset } from "./presets.ts";
export { ioredisSubscriber } from "./subscriber.ts";
export type { IoredisSubscriberOptions } from "./subscriber.ts";
export { checkRedisUrl } from "./url.ts";
