import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SetupError } from "./setup-error.mjs";

/**
 * Installs what package-lock.json lists, unless that was done already.
 * @param {string} root
 */
export function installPackages(root) {
  const stamp = join(root, "node_modules/.set-up");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === fingerprint(root)) return;
  console.log("Installing packages (npm install)");
  const { status } = spawnSync("npm", ["install", "--loglevel=error", "--no-audit", "--no-fund"], {
    cwd: root,
    stdio: "inherit",
  });
  if (status !== 0) throw new SetupError("npm install failed; its output above says why.");
  writeFileSync(stamp, fingerprint(root));
}

/** @param {string} root */
function fingerprint(root) {
  const lock = readFileSync(join(root, "package-lock.json"));
  return createHash("sha256").update(lock).update(`${process.platform} ${process.arch}`).digest("hex");
}
