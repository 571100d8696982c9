import { Option, type Command } from "commander";
import { ioredis } from "../adapters/ioredis/ioredis.ts";
import { ConnectionError, OptionError } from "../core/errors.ts";
import type { GatewayToken } from "../gateway/index.ts";
import { connect } from "./connect.ts";
import { serveGateway, type GatewayServer } from "./serve.ts";

interface Flags {
  readonly redis: string;
  readonly token?: readonly string[];
  readonly readOnlyToken?: readonly string[];
  readonly port: string;
  readonly host: string;
}

/** Adds the command `redis-patterns gateway`. */
export function addGatewayCommand(program: Command): void {
  const command = program
    .command("gateway")
    .description("Serve a Redis over HTTP, in the Upstash REST protocol")
    .addOption(new Option("--redis <url>", "the Redis").env("REDIS_URL").default("redis://127.0.0.1:6379"))
    .addOption(tokenOption("--token <token>", "who may do everything; repeatable").env("UPSTASH_REDIS_REST_TOKEN"))
    .addOption(tokenOption("--read-only-token <token>", "who may only read").env("KV_REST_API_READ_ONLY_TOKEN"))
    .addOption(new Option("--port <port>", "where to listen; 0 picks a free port").env("PORT").default("8079"))
    .option("--host <address>", "the address to listen on", "127.0.0.1");
  command.action((flags: Flags) => runGateway(flags, (message) => command.error(`error: ${message}`, { exitCode: 2 })));
}

function tokenOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((token, earlier: readonly string[] | undefined) => [
    ...(earlier ?? []),
    token,
  ]);
}

async function runGateway(flags: Flags, exitMisused: (message: string) => never): Promise<void> {
  const tokens = tokensOf(flags);
  const port = /^\d{1,5}$/.test(flags.port) ? Number(flags.port) : 65_536;
  if (tokens.length === 0) exitMisused("a gateway needs a token: --token, or the variable UPSTASH_REDIS_REST_TOKEN");
  if (port > 65_535) exitMisused("--port must be a number from 0 to 65535");
  if (!/^rediss?:\/\/./.test(flags.redis)) exitMisused("--redis must be a URL that begins with redis:// or rediss://");
  tokens.forEach(warnIfShort);
  warnIfPublic(flags.host);
  const client = await connect(flags.redis);
  try {
    const server = await serveGateway(ioredis(client), { tokens, port, host: flags.host, onError: reportError });
    console.log(`Gateway: ${server.url}`);
    closeOnSignal(server, () => client.disconnect());
  } catch (error) {
    client.disconnect();
    if (error instanceof OptionError) exitMisused(error.message);
    throw error;
  }
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
  if (!(error instanceof ConnectionError)) console.error(error);
}

function closeOnSignal(server: GatewayServer, disconnect: () => void): void {
  const end = () => void server.close().finally(disconnect);
  process.once("SIGINT", end);
  process.once("SIGTERM", end);
}

function warn(message: string): void {
  console.error(`warning: ${message}`);
}
