import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

/**
 * `npm run bench -- lock --quick` compares the lock with its peers, briefly; without a name all is compared, one after the other.
 * `npm run bench -- report` writes docs/benchmarks.md from what was found.
 */
const cwd = fileURLToPath(new URL("../bench/", import.meta.url));
const text = { type: "string" } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean" }, json: text, only: text, before: text },
});
const found = globSync("*/bench.ts", { cwd }).map((file) => file.replace(/[\\/]bench\.ts$/, ""));
const names = positionals.filter((name) => name !== "report");
const unknown = names.filter((name) => !found.includes(name));

if (unknown.length > 0) {
  console.error(`There is no bench of ${unknown.join(", ")}; there are: ${found.toSorted().join(", ")}, and report`);
  process.exitCode = 1;
} else {
  process.exitCode =
    steps()
      .map(run)
      .find((code) => code !== 0) ?? 0;
}

function steps(): (readonly string[])[] {
  const asksForReport = positionals.includes("report");
  // The report alone needs no rival.
  const benches = names.length > 0 || asksForReport ? names : found.toSorted();
  const install = ["npm", "install", "--loglevel=error", "--no-audit", "--no-fund"];
  return [
    ...(benches.length > 0 ? [install] : []),
    ...benches.map((name) => ["node", `${name}/bench.ts`, ...options()]),
    ...(asksForReport ? [["node", "report/write.ts", ...options()]] : []),
  ];
}

/** The options for the program itself, which runs in bench/. */
function options(): string[] {
  const { quick, json, only, before } = values;
  return [
    ...(quick ? ["--quick"] : []),
    ...(json === undefined ? [] : ["--json", resolve(json)]),
    ...(only === undefined ? [] : ["--only", only]),
    ...(before === undefined ? [] : ["--before", resolve(before)]),
  ];
}

function run([command = "", ...rest]: readonly string[]): number {
  return spawnSync(command, rest, { cwd, stdio: "inherit" }).status ?? 1;
}
