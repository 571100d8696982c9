import { Option, type Command } from "commander";
import { ioredis } from "../adapters/ioredis/ioredis.ts";
import { ioredisSubscriber } from "../adapters/ioredis/subscriber.ts";
import { checkRedisUrl } from "../adapters/ioredis/url.ts";
import { isConnectionError, isOptionError } from "../core/failure.ts";
import type { GatewayToken } from "../gateway/index.ts";
import { addressOf, connect, duplicateOf, reportState } from "./connect.ts";
import { isOrigin } from "./cors.ts";
import { lookAtRedis } from "./first-look.ts";
import { portOf } from "./ports.ts";
import { serveGateway, type GatewayServer } from "./serve.ts";

interface Flags {
  readonly redis: string;
  readonly token?: readonly string[];
  readonly readOnlyToken?: readonly string[];
  readonly port: string;
  readonly host: string;
  readonly corsOrigin?: readonly string[];
  readonly maxBody: string;
  readonly maxCommands: string;
  readonly heartbeat: string;
  readonly maxStreams: string;
  readonly maxPending: string;
}

const examples = `
Examples:
  UPSTASH_REDIS_REST_TOKEN=$(openssl rand -hex 24) redis-patterns gateway --redis redis://localhost:6379
  redis-patterns gateway --redis rediss://app:secret@redis.internal:6380/1 --port 8079 --max-body 1000000
  curl 'http://127.0.0.1:8079/set/greeting/hello?EX=60' -H "Authorization: Bearer $UPSTASH_REDIS_REST_TOKEN"
`;

/** Adds the command `redis-patterns gateway`. */
export function addGatewayCommand(program: Command): void {
  const command = program
    .command("gateway")
    .description("Serve a Redis over HTTP, in the Upstash REST protocol")
    .addOption(new Option("--redis <url>", "the Redis").env("REDIS_URL").default("redis://127.0.0.1:6379"))
    .addOption(listOption("--token <token>", "who may do everything; repeatable").env("UPSTASH_REDIS_REST_TOKEN"))
    .addOption(listOption("--read-only-token <token>", "who may only read").env("KV_REST_API_READ_ONLY_TOKEN"))
    .addOption(new Option("--port <port>", "where to listen; 0 picks a free port").env("PORT").default("8079"))
    .option("--host <address>", "the address to listen on", "127.0.0.1")
    .addOption(
      listOption("--cors-origin <origin>", "whose pages may ask, such as https://app.example, or *; repeatable"),
    )
    .option("--max-body <bytes>", "the largest request body", "10485760")
    .option("--max-commands <count>", "the most commands of one request", "10000")
    .option("--heartbeat <ms>", "the time between two signs of life in a stream", "15000")
    .option("--max-streams <count>", "the most streams of one token", "1000")
    .option("--max-pending <bytes>", "what the reader of a stream may leave unread", "1048576")
    .addHelpText("after", examples);
  const exitMisused = (message: string): never => command.error(`error: ${message}`, { exitCode: 2 });
  command.action(async (flags: Flags) => {
    const source = command.getOptionValueSource("redis") === "env" ? "REDIS_URL" : "--redis";
    try {
      await runGateway(flags, source, exitMisused);
    } catch (error) {
      if (isOptionError(error)) exitMisused(error.message);
      throw error;
    }
  });
}

function listOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((item, earlier: readonly string[] | undefined) => [
    ...(earlier ?? []),
    item,
  ]);
}

async function runGateway(flags: Flags, source: string, exitMisused: (message: string) => never): Promise<void> {
  const { host, corsOrigin: corsOrigins = [] } = flags;
  const tokens = tokensOf(flags);
  const port = portOf(flags.port) ?? exitMisused("--port must be a number from 0 to 65535");
  if (tokens.length === 0) exitMisused("a gateway needs a token: --token, or the variable UPSTASH_REDIS_REST_TOKEN");
  const url = new URL(checkRedisUrl(flags.redis, source));
  if (!corsOrigins.every(isOrigin)) exitMisused("--cors-origin must be * or an origin, such as https://app.example");
  const limits = limitsOf(flags, exitMisused);
  tokens.forEach(warnIfShort);
  warnIfPublic(host);
  const client = await connect(flags.redis);
  const listener = duplicateOf(client);
  reportState(client, (text) => console.error(text));
  const redis = ioredis(client);
  const missing = new Set<string>();
  const disconnect = () => [client, listener].forEach((connection) => connection.disconnect());
  try {
    const server = await serveGateway(redis, {
      tokens,
      port,
      host,
      corsOrigins,
      missing,
      subscriber: ioredisSubscriber(listener, { heartbeat: limits.heartbeat }),
      ...limits,
      onError: reportError,
    });
    const onReached = () => console.log(`Gateway: ${server.url} for ${addressOf(url)}`);
    lookAtRedis(client, redis, { missing, warn, onReached });
    closeOnSignal(server, disconnect);
  } catch (error) {
    disconnect();
    throw error;
  }
}

function limitsOf(flags: Flags, exitMisused: (message: string) => never) {
  return {
    maxBody: wholeNumber(flags.maxBody) ?? exitMisused("--max-body must be a whole number of bytes, at least 1"),
    maxCommands: wholeNumber(flags.maxCommands) ?? exitMisused("--max-commands must be a whole number, at least 1"),
    heartbeat: wholeNumber(flags.heartbeat) ?? exitMisused("--heartbeat must be a whole number of milliseconds"),
    maxStreams: wholeNumber(flags.maxStreams) ?? exitMisused("--max-streams must be a whole number, at least 1"),
    maxPending: wholeNumber(flags.maxPending) ?? exitMisused("--max-pending must be a whole number of bytes"),
  };
}

function wholeNumber(text: string): number | undefined {
  return /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined;
}

function tokensOf({ token = [], readOnlyToken = [] }: Flags): GatewayToken[] {
  return [...token.map((token) => ({ token })), ...readOnlyToken.map((token) => ({ token, readOnly: true }))];
}

/** 24 characters of base64 or hexadecimal are 96 bits or more. */
function warnIfShort({ token }: GatewayToken): void {
  if (token.length < 24) warn("a token of less than 24 characters can be guessed; make one by: openssl rand -hex 24");
}

function warnIfPublic(host: string): void {
  if (/^(127\.|::1$|localhost$)/.test(host)) return;
  warn("other machines can reach this address, and tokens travel in plain text: put TLS in front");
}

/** A ConnectionError is not printed: the client's own events already tell when Redis is away and back. */
function reportError(error: unknown): void {
  if (!isConnectionError(error)) console.error(error);
}

function closeOnSignal(server: GatewayServer, disconnect: () => void): void {
  const end = () => void server.close().finally(disconnect);
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
}

function warn(message: string): void {
  console.error(`warning: ${message}`);
}
