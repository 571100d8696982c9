import type { Redis } from "../../port/redis.ts";

/** The checked options that all calls of one `createTokens` share. */
export interface TokenContext {
  readonly redis: Redis;
  readonly prefix: string;
  /** The first part of every key: `token:prefix`. */
  readonly namespace: string;
  readonly ttl: number;
  readonly attempts: number;
  readonly digits: number;
  readonly pepper: string;
}
