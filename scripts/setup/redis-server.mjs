import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { SetupError } from "./setup-error.mjs";

/** The tests use commands of this version, such as CLUSTER ADDSLOTSRANGE. */
const oldest = 7;
const provisioner = "redis-memory-server@0.17.1";

/**
 * Finds a redis-server, or provides one.
 * @param {string} root The repository.
 * @param {string} [policy] Where Debian looks for what keeps services from starting.
 * @returns {string} Its path.
 * @throws {SetupError} There is none, and none could be provided.
 */
export function provideRedisServer(root, policy = "/usr/sbin/policy-rc.d") {
  const built = join(root, ".cache/redis-server");
  const found = findRedisServer() ?? usable(built) ?? fromDebian(policy) ?? compiled(root, built);
  if (found) return found;
  throw new SetupError(
    [
      `No redis-server of version ${oldest} or later was found, and none could be installed. Any of these will do:`,
      "  1. Put redis-server on PATH: brew install redis, apt-get install redis-server, dnf install redis.",
      "  2. Set REDIS_SERVER to the path of the executable.",
      "The demo needs none: npm run demo",
    ].join("\n"),
  );
}

/**
 * Finds the redis-server that REDIS_SERVER names, or the one on PATH.
 * @throws {SetupError} REDIS_SERVER names none that will do.
 */
export function findRedisServer() {
  return configured() ?? onPath();
}

function configured() {
  const path = process.env["REDIS_SERVER"];
  if (!path) return undefined;
  const server = usable(path);
  if (server) return server;
  throw new SetupError(`REDIS_SERVER names no redis-server of version ${oldest} or later.`);
}

function onPath() {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const server = folder && usable(join(folder, "redis-server"));
    if (server) return server;
  }
  return undefined;
}

/** @param {string} path */
function usable(path) {
  if (!existsSync(path)) return undefined;
  const { stdout } = spawnSync(path, ["--version"], { encoding: "utf8" });
  return Number(/\bv=(\d+)/.exec(stdout ?? "")?.[1]) >= oldest ? path : undefined;
}

/**
 * Debian's package, where we may install it.
 * @param {string} policy
 */
function fromDebian(policy) {
  if (process.getuid?.() !== 0 || spawnSync("apt-get", ["--version"]).status !== 0) return undefined;
  console.log("Installing Debian's package redis-server (apt-get)");
  const allowStart = forbidServices(policy);
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const apt = (/** @type {string[]} */ ...args) =>
      spawnSync("apt-get", ["-qq", ...args], { stdio: "inherit", env }).status;
    if (apt("update") !== 0 || apt("install", "-y", "--no-install-recommends", "redis-server") !== 0) return undefined;
  } finally {
    allowStart();
  }
  return onPath();
}

/**
 * A package that is being installed asks this file whether it may start its service; 101 means no.
 * @param {string} policy
 * @returns {() => void} Takes the file away again.
 */
function forbidServices(policy) {
  if (existsSync(policy)) return () => {};
  writeFileSync(policy, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  return () => rmSync(policy);
}

/**
 * Redis' own source, fetched and compiled by a package that is installed only here.
 * @param {string} root
 * @param {string} target
 */
function compiled(root, target) {
  console.log(`Compiling redis-server (${provisioner}); this takes some minutes`);
  const home = join(root, ".cache/provisioner");
  mkdirSync(home, { recursive: true });
  writeFileSync(join(home, "package.json"), "{}");
  // Its own install step would download at once and hide a failure.
  const env = { ...process.env, REDISMS_DISABLE_POSTINSTALL: "1", REDISMS_DOWNLOAD_DIR: join(home, "binaries") };
  const options = { cwd: home, env, encoding: /** @type {const} */ ("utf8") };
  const installed = spawnSync("npm", ["install", "--no-audit", "--no-fund", provisioner], options);
  if (installed.status !== 0) return undefined;
  const script =
    'require("redis-memory-server/lib/util/RedisBinary").default.getPath().then((path) => console.log(`\\n${path}`))';
  const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", script], options);
  const path = stdout.trim().split("\n").at(-1);
  if (status !== 0 || !path) {
    console.error(stderr.trim().split("\n").slice(0, 5).join("\n"));
    return undefined;
  }
  copyFileSync(path, target);
  return usable(target);
}
