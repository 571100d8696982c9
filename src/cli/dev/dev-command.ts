import { randomBytes } from "node:crypto";
import { Option, type Command } from "commander";
import { readToken, writeVariables } from "./env-file.ts";
import { explainPort, portOf } from "../ports.ts";
import { serveGateway } from "../serve.ts";
import { openTarget } from "./target.ts";
import { createView } from "./view.ts";

interface Flags {
  readonly redis?: string;
  readonly port: string;
  readonly httpPort: string;
  readonly token?: string;
  readonly env?: string | true;
  readonly quiet?: boolean;
}

/** What Wrangler reads. */
const wranglerFile = ".dev.vars";

const examples = `
For development only: it knows no users, its token is on the screen, and it listens on this machine alone.

Examples:
  redis-patterns dev                                   a Redis in memory, over TCP and HTTP
  redis-patterns dev --env                             also writes the variables to ${wranglerFile}, for wrangler dev
  redis-patterns dev --redis redis://localhost:6379    your Redis, over HTTP
  redis-cli -p 6379 set greeting hello                 in another terminal
`;

/** Adds the command `redis-patterns dev`. */
export function addDevCommand(program: Command): void {
  const command = program
    .command("dev")
    .description("Run a Redis in memory for development, over TCP and HTTP")
    .option("--redis <url>", "a Redis of yours in place of the one in memory")
    .option("--port <port>", "where the Redis in memory listens; 0 picks a free port", "6379")
    .option("--http-port <port>", "where the gateway listens; 0 picks a free port", "8079")
    .addOption(
      new Option("--token <token>", "the gateway's token (default: a new one)").env("UPSTASH_REDIS_REST_TOKEN"),
    )
    .option("--env [file]", `write the variables to a file (default: ${wranglerFile})`)
    .option("--quiet", "do not show what happens")
    .addHelpText("after", examples);
  const exitMisused = (message: string) => command.error(`error: ${message}`, { exitCode: 2 });
  command.action((flags: Flags) => {
    if (flags.redis !== undefined && command.getOptionValueSource("port") === "cli") {
      exitMisused("--port is for the Redis in memory: leave it out, or leave out --redis");
    }
    return runDev(flags, exitMisused);
  });
}

async function runDev(flags: Flags, exitMisused: (message: string) => never): Promise<void> {
  const port = portOf(flags.port) ?? exitMisused("--port must be a number from 0 to 65535");
  const httpPort = portOf(flags.httpPort) ?? exitMisused("--http-port must be a number from 0 to 65535");
  const file = flags.env === true ? wranglerFile : flags.env;
  const token = flags.token ?? ((file && readToken(file)) || randomBytes(24).toString("hex"));
  if (!/^[!-~]+$/.test(token))
    exitMisused("--token (or UPSTASH_REDIS_REST_TOKEN) must be printable ASCII without spaces");
  console.log("redis-patterns dev: for development only, on this machine alone");
  const view = createView(flags.quiet ? () => {} : (line) => console.log(line));
  const target = await openTarget(flags.redis, port, view.show, exitMisused);
  const { redis, subscriber } = target;
  const gateway = await serveGateway(redis, { tokens: [{ token }], port: httpPort, subscriber }).catch(
    async (error) => {
      await target.close();
      throw explainPort(error, "--http-port");
    },
  );
  const variables = {
    REDIS_URL: target.url,
    UPSTASH_REDIS_REST_URL: gateway.url,
    UPSTASH_REDIS_REST_TOKEN: token,
  };
  if (file) writeVariables(file, variables);
  console.log(`Redis: ${target.description}\n${file ? `Written to ${file}:\n` : ""}${linesOf(variables)}`);
  view.begin();
  const end = async () => {
    view.stop();
    await gateway.close(500);
    await target.close();
  };
  process.once("SIGINT", () => void end());
  process.once("SIGTERM", () => void end());
}

function linesOf(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");
}
