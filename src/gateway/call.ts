import type { ReplyError } from "../core/errors.ts";
import { isReplyError } from "../core/failure.ts";
import type { Command, Redis, Reply, SendOptions } from "../core/port/redis.ts";
import type { Inquiry } from "./inquiry.ts";
import type { GatewayResponse } from "./response.ts";
import type { ScriptTranslator, Translation } from "./scripts.ts";
import type { Access } from "./tokens.ts";

/** One request with a valid token, and everything that its answer needs. */
export interface Call {
  readonly redis: Redis;
  readonly translate: ScriptTranslator;
  readonly maxBody: number;
  readonly maxCommands: number;
  /** Listed commands that are refused all the same. */
  readonly missing: ReadonlySet<string>;
  readonly inquiry: Inquiry;
  readonly pathname: string;
  readonly search: string;
  readonly access: Access;
}

/** Answers the requests of one route. */
export type Handler = (call: Call) => Promise<GatewayResponse>;

/** The command for Redis. Its name is in capitals, since ioredis changes the replies to some lower-case names. */
export function toCommand({ words }: Translation): Command {
  const [name = "", ...args] = words;
  return [name.toUpperCase(), ...args];
}

/** The reply for the client. */
export function toClientReply(reply: Reply | ReplyError, translation: Translation | undefined): Reply | ReplyError {
  return isReplyError(reply) || !translation?.convertReply ? reply : translation.convertReply(reply);
}

/** If the client has hung up, a command that was not yet sent is not sent any more. */
export function sendOptionsOf({ signal }: Inquiry): SendOptions {
  return { signal, bytes: true };
}
