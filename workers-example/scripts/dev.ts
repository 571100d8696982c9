import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/**
 * Starts a redis-server (or uses the one at REDIS_URL), the gateway in front of it and `wrangler dev`, and ends them together.
 * What follows `npm run dev --` goes to wrangler.
 */
const children: ChildProcess[] = [];
const token = randomBytes(24).toString("hex");

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => endWith(0));

const redis = process.env["REDIS_URL"] || (await startRedis());
const gateway = await startGateway(redis);
const secret = { UPSTASH_REDIS_REST_TOKEN: token };
start("wrangler", ["dev", "--var", `UPSTASH_REDIS_REST_URL:${gateway}`, ...process.argv.slice(2)], secret);

async function startRedis(): Promise<string> {
  const port = await freePort();
  const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  start(process.env["REDIS_SERVER"] ?? "redis-server", args, {}, "ignore");
  return `redis://127.0.0.1:${port}`;
}

function startGateway(redis: string): Promise<string> {
  const cli = fileURLToPath(new URL("cli.js", import.meta.resolve("redis-patterns")));
  const args = [cli, "gateway", "--port", "0"];
  // A command line is visible to other users of the machine, and the URL may contain a password.
  const secrets = { REDIS_URL: redis, UPSTASH_REDIS_REST_TOKEN: token };
  const { stdout } = start(process.execPath, args, secrets, "pipe");
  if (!stdout) throw new Error("The gateway has no output");
  return new Promise((resolve) => {
    createInterface(stdout).on("line", (line) => {
      console.log(line);
      const url = /^Gateway: (\S+) for /.exec(line)?.[1];
      if (url) resolve(url);
    });
  });
}

/** Starts a part. When it ends, all of them do. */
function start(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
  output: "inherit" | "pipe" | "ignore" = "inherit",
): ChildProcess {
  const child = spawn(command, args, { stdio: ["inherit", output, "inherit"], env: { ...process.env, ...env } });
  children.push(child);
  child.once("error", (error) => {
    console.error(`${command} did not start: ${error.message}`);
    endWith(1);
  });
  child.once("exit", (code) => endWith(code ?? 0));
  return child;
}

function endWith(code: number): void {
  process.exitCode ??= code;
  for (const child of children) child.kill();
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  return typeof address === "object" && address ? address.port : 0;
}
