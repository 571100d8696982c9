import { checkMethods, checkOptions, checkText } from "../../check.ts";
import { emit, type OnEvent } from "../../event.ts";
import type { Polling } from "../../log/polling.ts";
import type { Redis } from "../../port/redis.ts";
import type { Subscriber } from "../../port/subscriber.ts";
import { roomPlace, type RoomPlace } from "./format.ts";
import type { PresenceCallOptions } from "./options.ts";

/** The checked options that all calls of one `createPresence` share. */
export interface PresenceContext {
  readonly redis: Redis;
  readonly prefix: string;
  /** The first part of every key and channel: `presence:prefix`. */
  readonly namespace: string;
  readonly ttl: number;
  /** For how long transitions are kept, in milliseconds, and how many. */
  readonly age: number;
  readonly length: number;
  /** For how long a room is kept at least after somebody joined or extended, in milliseconds. */
  readonly life: number;
  readonly maxBytes: number;
  readonly requestTtl: number;
  readonly subscriber: Subscriber | Polling | undefined;
  readonly onEvent: OnEvent | undefined;
}

/** What every script of a room is given. */
export interface RoomValues extends RoomPlace {
  readonly age: number;
  readonly length: number;
}

export function roomValues({ namespace, age, length }: PresenceContext, room: string): RoomValues {
  return { ...roomPlace(namespace, checkText("room", room)), age, length };
}

/** Checks the options of a call, which may be absent, and gives those of its trip. What it sends may run twice. */
export function sendOptions(options: PresenceCallOptions | undefined, remedy = "{ signal }") {
  const { signal } = checkOptions(options, remedy) ?? {};
  checkMethods("signal", signal, "an AbortSignal", "throwIfAborted");
  return { signal, idempotent: true } as const;
}

/** Reports what nobody waits for. */
export function report({ prefix, onEvent }: PresenceContext, type: string, id: string, error?: unknown): void {
  emit(onEvent, { pattern: "presence", type, prefix, id, ...(error !== undefined && { error }) });
}
