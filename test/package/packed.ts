import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";

export const root = fileURLToPath(new URL("../../", import.meta.url));

/** A project in a temporary folder into which the packed package was installed, as a user would. */
export interface App {
  readonly folder: string;
  /** The size of the packed package, in bytes. */
  readonly size: number;
  write(path: string, text: string): void;
  /** Runs a command in the folder and gives what it printed. Throws what it printed if it fails. */
  run(command: string, ...args: readonly string[]): string;
  remove(): void;
}

/** Packs the package and installs it into a folder, which takes seconds: once for all test files, by a global setup. */
export function installPacked(): string {
  const folder = mkdtempSync(join(tmpdir(), "redis-patterns-packed-"));
  run(root, "npm", ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder]);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "app", private: true }));
  run(folder, "npm", ["install", "--offline", "--no-audit", "--no-fund", `./${tarballIn(folder)}`]);
  return folder;
}

/** A project that is the test file's own. */
export function createApp(): App {
  const folder = mkdtempSync(join(tmpdir(), "redis-patterns-app-"));
  cpSync(inject("packed"), folder, { recursive: true });
  return {
    folder,
    size: statSync(join(folder, tarballIn(folder))).size,
    write(path, text) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    },
    run: (command, ...args) => run(folder, command, args),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

function tarballIn(folder: string): string {
  return readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "no tarball";
}

function run(cwd: string, command: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: "utf8", timeout: 60_000 });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}\n${stdout}${stderr}`);
  return stdout;
}
