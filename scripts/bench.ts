import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** `npm run bench -- lock --quick` compares the lock with its peers; without a name all patterns are compared, one after the other. */
const cwd = fileURLToPath(new URL("../bench/", import.meta.url));
const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("-"));
const options = args.filter((arg) => arg.startsWith("-"));
const found = globSync("*/bench.ts", { cwd }).map((file) => file.replace(/[\\/]bench\.ts$/, ""));
const unknown = names.filter((name) => !found.includes(name));

if (unknown.length > 0) {
  console.error(`There is no bench of ${unknown.join(", ")}; there are: ${found.toSorted().join(", ")}`);
  process.exitCode = 1;
} else {
  const steps = [
    ["npm", "install", "--loglevel=error", "--no-audit", "--no-fund"],
    ...(names.length > 0 ? names : found.toSorted()).map((name) => ["node", `${name}/bench.ts`, ...options]),
  ];
  process.exitCode = steps.map(run).find((code) => code !== 0) ?? 0;
}

function run([command = "", ...rest]: readonly string[]): number {
  return spawnSync(command, rest, { cwd, stdio: "inherit" }).status ?? 1;
}
