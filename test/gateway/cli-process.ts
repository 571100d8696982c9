import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { embeddedEngine, packEngine } from "../../scripts/embedded-engine.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Writes the command with all that it uses but ioredis. */
export async function bundleCli(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(root, "src/cli/cli.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["ioredis"],
    plugins: [embeddedEngine],
    logLevel: "error",
  });
  packEngine(dirname(outfile));
}

/** A process that runs the command. */
export interface Run {
  readonly child: ChildProcess;
  readonly output: { readonly stdout: string; readonly stderr: string };
  readonly exit: Promise<number | null>;
}

/** The command in a folder of its own, and what it started. */
export interface Cli {
  /** A folder inside the package, so that files in it find ioredis as an installed copy would. */
  readonly dir: string;
  run(args: readonly string[], env?: Record<string, string>, file?: string): Run;
  stop(): Promise<void>;
}

export async function prepareCli(): Promise<Cli> {
  const dir = await mkdtemp(join(root, "node_modules/.cli-"));
  const cli = join(dir, "cli.js");
  const children: ChildProcess[] = [];
  await bundleCli(cli);
  return {
    dir,
    run(args, env = {}, file = cli) {
      const { PATH = "" } = process.env;
      const child = spawn(process.execPath, [file, ...args], { env: { PATH, ...env } });
      const output = { stdout: "", stderr: "" };
      child.stdout.on("data", (chunk) => (output.stdout += String(chunk)));
      child.stderr.on("data", (chunk) => (output.stderr += String(chunk)));
      children.push(child);
      return { child, output, exit: once(child, "close").then(([code]) => code as number | null) };
    },
    async stop() {
      for (const child of children) child.kill("SIGKILL");
      await rm(dir, { recursive: true });
    },
  };
}
