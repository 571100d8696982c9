export type { UpstashClient } from "./client.ts";
export { upstash, type UpstashOptions } from "./upstash.ts";
