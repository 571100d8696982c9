import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, type } from "node:os";
import { join } from "node:path";
import type { Machine } from "./results.ts";

const folder = join(import.meta.dirname, "..");

/** Looks at where this process runs, and at what is installed. */
export function lookAtMachine(): Machine {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    system: `${type()} ${release()}`,
    node: process.versions.node,
    redis: /v=([\d.]+)/.exec(ask(process.env["REDIS_SERVER"] ?? "redis-server", "--version"))?.[1] ?? "unknown",
    packages: dependencies,
  };
}

/** The commit that is checked out, with a `+` if sources differ from it. */
export function currentCommit(): string {
  const changed = ask("git", "status", "--porcelain", "--", "../src") !== "";
  return `${ask("git", "rev-parse", "--short=10", "HEAD") || "unknown"}${changed ? "+" : ""}`;
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
}

/** What a command says; nothing if it is not there, as git is not in a downloaded archive. */
function ask(command: string, ...args: readonly string[]): string {
  try {
    return execFileSync(command, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "";
  }
}
