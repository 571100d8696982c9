import type { Command } from "commander";
import { OptionError } from "../../core/errors.ts";
import { isOptionError } from "../../core/failure.ts";
import { ping } from "../../core/port/ping.ts";
import { explain, pingFully, type Row } from "./full-ping.ts";
import { openRest, openTcp, type Place, type Target } from "./ping-target.ts";

interface Flags {
  readonly redis?: string;
  readonly cluster?: true;
  readonly rest?: string;
  readonly token?: string;
  readonly prefix: string;
  readonly channels: boolean;
  readonly full?: true;
}

const details = `
Without --redis and --rest it asks the Redis of REDIS_URL, else that of UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN or of
KV_REST_API_URL and KV_REST_API_TOKEN, else redis://127.0.0.1:6379. It prints no URL, token or password. With
--full, what could not be tried has a dash and the reason. The exit code is 0 if all works,
1 if something does not, and 2 if a flag or a variable is wrong.

Examples:
  redis-patterns ping
  REDIS_URL=rediss://app:secret@redis.internal:6380 redis-patterns ping --full --prefix app
  REDIS_URL=rediss://cluster.internal:6379 redis-patterns ping --cluster
  UPSTASH_REDIS_REST_URL=https://name.upstash.io UPSTASH_REDIS_REST_TOKEN=... redis-patterns ping --full
`;

/** Adds the command `redis-patterns ping`. */
export function addPingCommand(program: Command): void {
  const command = program
    .command("ping")
    .description("Find out whether the patterns work on a Redis, and what to do if they do not")
    .option("--full", "use each pattern once, under a prefix that is deleted again, and print a table")
    .option("--redis <url>", "a Redis, by TCP")
    .option("--cluster", "this Redis is a Cluster")
    .option("--rest <url>", "a Redis, by the Upstash REST protocol")
    .option("--token <token>", "the token of the REST endpoint; a variable shows it to nobody else")
    .option("--prefix <prefix>", "the beginning of your prefixes, if an ACL restricts the keys", "redis-patterns")
    .option("--no-channels", "leave the channels out, for a Redis user who deliberately has none")
    .addHelpText("after", details);
  command.action(async (flags: Flags) => {
    try {
      const target = await open(flags, process.env);
      // An open connection would keep the process.
      const works = await run(target, flags).finally(target.close);
      if (!works) process.exitCode = 1;
    } catch (error) {
      if (isOptionError(error)) command.error(`error: ${error.message}`, { exitCode: 2 });
      throw error;
    }
  });
}

async function open({ redis, cluster, rest, token }: Flags, env: NodeJS.ProcessEnv): Promise<Target> {
  if (redis !== undefined && rest !== undefined) throw new OptionError("--redis and --rest exclude each other");
  const tcp = redis === undefined && rest === undefined ? placeOf(env, "REDIS_URL") : named("--redis", redis);
  if (tcp) return openTcp(tcp, cluster ?? false);
  const endpoint = named("--rest", rest) ?? placeOf(env, "UPSTASH_REDIS_REST_URL") ?? placeOf(env, "KV_REST_API_URL");
  if (!endpoint) return openTcp({ name: "the default", url: "redis://127.0.0.1:6379" }, cluster ?? false);
  const variable = endpoint.name === "KV_REST_API_URL" ? "KV_REST_API_TOKEN" : "UPSTASH_REDIS_REST_TOKEN";
  const secret = token ?? env[variable];
  if (!secret) throw new OptionError(`A REST endpoint needs a token: --token, or the variable ${variable}`);
  return openRest(endpoint, secret);
}

function named(name: string, url: string | undefined): Place | undefined {
  return url === undefined ? undefined : { name, url };
}

function placeOf(env: NodeJS.ProcessEnv, name: string): Place | undefined {
  return named(name, env[name] || undefined);
}

/** Says whether everything works. */
async function run({ redis, subscriber, name }: Target, { prefix, channels, full }: Flags): Promise<boolean> {
  if (full) {
    const rows = await pingFully(redis, subscriber, { prefix, channels });
    console.log(tableOf(rows));
    return rows.every(({ ok }) => ok);
  }
  const pong = await ping(redis, { prefix, channels });
  if (pong.ok) {
    console.log(
      `ok: Redis (${name}) answers within ${pong.latency.toFixed(1)} ms, its clock differs by ${pong.clockDifference} ms`,
    );
  } else {
    console.error(`error: Redis (${name}) failed: ${pong.reason}. ${explain(pong)}`);
  }
  return pong.ok;
}

function tableOf(rows: readonly Row[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length));
  const lines = rows.map(({ name, ok, untried, duration, remedy }) => {
    const result = untried ? "-" : ok ? "ok" : "failed";
    const columns = [name.padEnd(width), result.padEnd(6), `${duration.toFixed(1)} ms`.padStart(10)];
    return [...columns, remedy ?? ""].join("  ").trimEnd();
  });
  const head = ["what".padEnd(width), "result", "took".padStart(10), "what to do"].join("  ");
  return [head, ...lines].join("\n");
}
