import { ReplyError } from "../core/errors.ts";
import type { Command, Redis, Reply, SendOptions } from "../core/port/redis.ts";
import type { JsonResponse } from "./response.ts";
import type { ScriptTranslator, Translation } from "./scripts.ts";
import type { Access } from "./tokens.ts";

/** One request that was let in, and what it needs to be answered. */
export interface Call {
  readonly redis: Redis;
  readonly translate: ScriptTranslator;
  readonly maxBody: number;
  readonly maxCommands: number;
  readonly request: Request;
  readonly pathname: string;
  readonly search: string;
  readonly access: Access;
}

/** What answers one route. */
export type Handler = (call: Call) => Promise<JsonResponse>;

/** What Redis is sent. The name goes in capitals: ioredis gives some lower-case names another reply than Redis does. */
export function toCommand({ words }: Translation): Command {
  const [name = "", ...args] = words;
  return [name.toUpperCase(), ...args];
}

/** What the client is given for a reply. */
export function toClientReply(reply: Reply | ReplyError, translation: Translation | undefined): Reply | ReplyError {
  return reply instanceof ReplyError || !translation?.convertReply ? reply : translation.convertReply(reply);
}

/** Whoever hung up no longer wants what was not yet sent. */
export function sendOptionsOf({ request }: Call): SendOptions {
  return { signal: request.signal };
}
