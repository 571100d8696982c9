import { byteString, fromByteString } from "../core/crypto.ts";
import { ReplyError } from "../core/errors.ts";
import { isReplyError } from "../core/failure.ts";
import type { Command, Redis, Reply, SendOptions } from "../core/port/redis.ts";
import { unchecked } from "../core/unchecked.ts";
import { nodeModule } from "./node.ts";

// Inside the gateway, strings of commands and replies are bytes: one character for each. So what is not text stays as it is.

/** Node's faster way to make a text of bytes, which a Worker lacks. */
const { StringDecoder } = unchecked<StringDecoders>(nodeModule("node:string_decoder") ?? {});

interface StringDecoders {
  readonly StringDecoder?: new (encoding: "latin1") => Latin1;
}

interface Latin1 {
  write(bytes: Uint8Array): string;
}

const latin1 = StringDecoder && new StringDecoder("latin1");

/** The bytes of a text in UTF-8. */
export function toBytes(text: string): string {
  if (isAscii(text)) return text;
  const bytes = utf8.encode(text);
  return latin1?.write(bytes) ?? byteString(bytes);
}

/** The text of bytes in UTF-8. What is not UTF-8 becomes U+FFFD. */
export function toText(bytes: string): string {
  return isAscii(bytes) ? bytes : tolerant.decode(fromByteString(bytes));
}

/**
 * The text of bytes in UTF-8.
 * @throws {TypeError} They are not UTF-8.
 */
export function toStrictText(bytes: string): string {
  return isAscii(bytes) ? bytes : strict.decode(fromByteString(bytes));
}

/** A port whose strings are bytes. Over a backend that carries text only, other bytes are refused. */
export function overBytes(redis: Redis): Redis {
  const { bytes, transaction } = redis;
  if (bytes) return redis;
  const decode = (replies: (Reply | ReplyError)[]) =>
    replies.map((reply) => (isReplyError(reply) ? reply : toByteReply(reply)));
  return {
    send: async (command, options) => toByteReply(await redis.send(toTextCommand(command), toTextOptions(options))),
    pipeline: async (commands, options) =>
      decode(await redis.pipeline(commands.map(toTextCommand), toTextOptions(options))),
    ...(transaction && {
      transaction: async (commands: readonly Command[], options?: SendOptions) =>
        decode(await transaction.call(redis, commands.map(toTextCommand), toTextOptions(options))),
    }),
  };
}

function toTextOptions(options?: SendOptions): SendOptions {
  return { signal: options?.signal };
}

function toTextCommand([name, ...args]: Command): Command {
  try {
    return [name, ...args.map((arg) => (typeof arg === "string" ? toStrictText(arg) : arg))];
  } catch (cause) {
    throw new ReplyError("ERR this gateway carries text; the request holds bytes that are not UTF-8", { cause });
  }
}

function toByteReply(reply: Reply): Reply {
  if (typeof reply === "string") return toBytes(reply);
  return Array.isArray(reply) ? reply.map(toByteReply) : reply;
}

function isAscii(text: string): boolean {
  return /^[\0-\x7f]*$/.test(text);
}

const utf8 = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const tolerant = new TextDecoder("utf-8", { ignoreBOM: true });

/** Puts pieces together, whose size is known. */
export function join(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = chunks;
  if (only && chunks.length === 1) return only;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
