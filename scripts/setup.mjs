/**
 * Makes a fresh clone ready and then runs the command it was given: `node scripts/setup.mjs vitest run`. With `--if-any` before the command a
 * redis-server is used where there is one, and none is provided.
 * Plain Node runs this before any package is there, so it and its imports use `node:` modules only.
 */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages } from "./setup/packages.mjs";
import { findRedisServer, provideRedisServer } from "./setup/redis-server.mjs";
import { SetupError } from "./setup/setup-error.mjs";

const root = fileURLToPath(new URL("../", import.meta.url));

try {
  const [first, ...rest] = process.argv.slice(2);
  const isIfAny = first === "--if-any";
  const command = isIfAny ? rest : process.argv.slice(2);
  installPackages(root);
  const server = isIfAny ? findRedisServer() : provideRedisServer(root);
  if (command.length > 0) process.exitCode = await run(command, server);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`\n${error.message}\n`);
  process.exitCode = 1;
}

/**
 * @param {readonly string[]} command
 * @param {string | undefined} server
 * @returns {Promise<number>} Its exit code.
 */
function run([name = "", ...args], server) {
  const child = spawn(name, args, {
    stdio: "inherit",
    env: {
      ...process.env,
      PATH: [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter),
      ...(server ? { REDIS_SERVER: server } : {}),
    },
  });
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
}
