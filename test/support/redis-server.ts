import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { constants, setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { Redis } from "ioredis";

/** A redis-server that the test started and owns. */
export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly pid: number;
  /** Stops the process without a reply to anyone: what a paused machine looks like. */
  pause(): void;
  resume(): void;
  /** Kills the process at once: what a crash looks like. */
  kill(): Promise<void>;
  /** Starts it again, empty, on the same port. */
  restart(): Promise<void>;
  /** Ends it and removes its files. */
  stop(): Promise<void>;
}

/** The program that is the server of all tests. */
const program = process.env["REDIS_SERVER"] ?? "redis-server";

/** Its version, such as 7 or 8.1. */
export const serverVersion = Number(
  /v=(\d+\.\d+)/.exec(execFileSync(program, ["--version"], { encoding: "utf8" }))?.[1],
);

const host = "127.0.0.1";
const run = promisify(execFile);

/** Starts a redis-server on a free port of the loopback interface, with nothing persisted. */
export async function startRedis(...args: readonly string[]): Promise<RedisServer> {
  const dir = await mkdtemp(join(tmpdir(), "redis-patterns-"));
  const { port, ...started } = await launchSomewhere(dir, args);
  let { child } = started;
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  };
  return {
    host,
    port,
    get pid() {
      return child.pid ?? 0;
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    kill,
    async restart() {
      await kill();
      child = await launch(port, dir, args);
    },
    async stop() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/**
 * A port that nothing listens on. It is below those that the system gives to connections, as is the one 10,000 above it, which a
 * Redis Cluster also needs: so it is still free when somebody listens on it a while later.
 */
export function freePort(): Promise<number> {
  const port = randomInt(10_000, 22_000);
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(freePort()));
    probe.listen(port, host, () => probe.close(() => resolve(port)));
  });
}

/** A port can be taken between the look and the launch, as can the one 10,000 above it, which a Cluster also needs. */
async function launchSomewhere(
  dir: string,
  args: readonly string[],
  attempts = 3,
): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const port = await freePort();
  try {
    return { port, child: await launch(port, dir, args) };
  } catch (error) {
    if (attempts === 1) throw error;
    return launchSomewhere(dir, args, attempts - 1);
  }
}

async function launch(port: number, dir: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(
    program,
    [
      "--port",
      String(port),
      "--bind",
      host,
      "--dir",
      dir,
      "--save",
      "",
      "--appendonly",
      "no",
      "--slowlog-log-slower-than",
      "10000",
      ...args,
    ],
    { stdio: "ignore" },
  );
  endWithUs(child);
  try {
    await verified(child, port);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  await prefer(child);
  return child;
}

const running = new Set<ChildProcess>();

/** Kills the server when this process ends before it. One listener serves all servers. */
function endWithUs(child: ChildProcess): void {
  if (running.size === 0) process.on("exit", killAll);
  running.add(child);
  child.once("exit", () => {
    running.delete(child);
    if (running.size === 0) process.off("exit", killAll);
  });
}

function killAll(): void {
  for (const child of running) child.kill("SIGKILL");
}

/**
 * Lets the server go before its clients where the system allows it, which it does to root: on a machine that is short of cores, the
 * slow log would otherwise also tell of commands that were quick but interrupted. Linux has a class for it that nothing interrupts.
 */
async function prefer({ pid = 0 }: ChildProcess): Promise<void> {
  const uninterrupted = await run("chrt", ["--rr", "--pid", "1", String(pid)]).then(
    () => true,
    () => false,
  );
  if (uninterrupted) return;
  try {
    setPriority(pid, constants.priority.PRIORITY_HIGHEST);
  } catch (error) {
    if (!(error instanceof Error) || !/EACCES|EPERM/.test(error.message)) throw error;
  }
}

/** Waits until the server that answers on the port is the process that was started. */
async function verified(child: ChildProcess, port: number): Promise<void> {
  const client = new Redis({ host, port, retryStrategy: () => 20, maxRetriesPerRequest: null, lazyConnect: true });
  client.on("error", () => {});
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`redis-server ended with ${code} on port ${port}`)));
  });
  try {
    const info = await Promise.race([
      client.info("server"),
      failed,
      sleep(10_000).then(() => Promise.reject(new Error(`redis-server did not answer on port ${port}`))),
    ]);
    const pid = Number(/process_id:(\d+)/.exec(info)?.[1]);
    if (pid !== child.pid) throw new Error(`Port ${port} is served by process ${pid}, not by ${child.pid}`);
  } finally {
    failed.catch(() => {});
    client.disconnect();
  }
}
