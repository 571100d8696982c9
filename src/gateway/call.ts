import { ReplyError } from "../core/errors.ts";
import type { Command, Redis, Reply, SendOptions } from "../core/port/redis.ts";
import type { Answer } from "./answer.ts";
import type { ScriptAliases, Translated } from "./scripts.ts";
import type { Access } from "./tokens.ts";

/** One request that was let in, and what it needs to be answered. */
export interface Call {
  readonly redis: Redis;
  readonly scripts: ScriptAliases;
  readonly maxBody: number;
  readonly maxCommands: number;
  readonly request: Request;
  readonly pathname: string;
  readonly search: string;
  readonly access: Access;
}

/** What answers one route. */
export type Handler = (call: Call) => Promise<Answer>;

/** What Redis is sent. The name goes in capitals: ioredis gives some lower-case names another reply than Redis does. */
export function commandOf({ words }: Translated): Command {
  const [name = "", ...args] = words;
  return [name.toUpperCase(), ...args];
}

/** What the client is given for a reply. */
export function readReply(reply: Reply | ReplyError, translated: Translated | undefined): Reply | ReplyError {
  return reply instanceof ReplyError || !translated?.read ? reply : translated.read(reply);
}

/** Whoever hung up no longer wants what was not yet sent. */
export function sendOptions({ request }: Call): SendOptions {
  return { signal: request.signal };
}
