import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/**
 * Starts `redis-patterns dev` (a Redis in memory, or the one at REDIS_URL, over HTTP) and `wrangler dev`, and ends them together. What follows
 * `npm run dev --` goes to wrangler.
 */
const children: ChildProcess[] = [];
// A command line is visible to other users of the machine.
const secret = { UPSTASH_REDIS_REST_TOKEN: randomBytes(24).toString("hex") };

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => endWith(0));

const url = await startRedis();
start("wrangler", ["dev", "--var", `UPSTASH_REDIS_REST_URL:${url}`, ...process.argv.slice(2)], "inherit");

/** @returns Where it is served over HTTP. */
function startRedis(): Promise<string> {
  const cli = fileURLToPath(new URL("cli.js", import.meta.resolve("redis-patterns")));
  const { REDIS_URL } = process.env;
  const args = ["dev", "--http-port", "0", ...(REDIS_URL ? ["--redis", REDIS_URL] : ["--port", "0"])];
  const { stdout } = start(process.execPath, [cli, ...args], "pipe");
  if (!stdout) throw new Error("The Redis has no output");
  return new Promise((resolve) => {
    createInterface(stdout).on("line", (line) => {
      if (!line.startsWith("UPSTASH_REDIS_REST_TOKEN")) console.log(line);
      const url = /^UPSTASH_REDIS_REST_URL=(\S+)$/.exec(line)?.[1];
      if (url) resolve(url);
    });
  });
}

/** Starts a part. When it ends, all of them do. */
function start(command: string, args: readonly string[], output: "inherit" | "pipe"): ChildProcess {
  const child = spawn(command, args, { stdio: ["inherit", output, "inherit"], env: { ...process.env, ...secret } });
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
