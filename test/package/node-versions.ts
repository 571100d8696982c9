import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const oldest = "20.20.2";

/** The Node that runs the tests. */
export const currentNode = process.execPath;

/** A Node of the oldest line that the package supports: one on PATH, or one that is installed for the tests alone. */
export function oldestNode(): string {
  const home = join(root, ".cache/node-20");
  const installed = join(home, "node_modules/node/bin/node");
  const onPath = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "node"));
  const found = [...onPath, installed].find(isOldest);
  if (found) return found;
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "package.json"), JSON.stringify({ allowScripts: { node: true } }));
  const { stderr } = spawnSync("npm", ["install", "--no-audit", "--no-fund", `node@${oldest}`], {
    cwd: home,
    encoding: "utf8",
  });
  if (isOldest(installed)) return installed;
  throw new Error(`Node 20.19 or later of its line is neither on PATH nor installable: ${stderr}`);
}

function isOldest(path: string): boolean {
  if (!existsSync(path)) return false;
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  return /^v20\.(19|[2-9]\d)\./.test(stdout ?? "");
}
