import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { bearer, token } from "./token.ts";

// The command as it is published: one file, with all that it uses but ioredis.
const root = fileURLToPath(new URL("../../", import.meta.url));
const children: ChildProcess[] = [];
let dir: string;
let cli: string;
let redis: RedisServer;

beforeAll(async () => {
  // Inside the package, so that it finds ioredis as an installed copy would.
  dir = await mkdtemp(join(root, "node_modules/.cli-"));
  cli = join(dir, "cli.js");
  redis = await startRedis();
  await bundle(cli);
});

afterAll(async () => {
  for (const child of children) child.kill("SIGKILL");
  await redis.stop();
  await rm(dir, { recursive: true });
});

async function bundle(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(root, "src/cli/cli.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    external: ["ioredis"],
    logLevel: "error",
  });
}

interface Run {
  readonly child: ChildProcess;
  readonly output: { readonly stdout: string; readonly stderr: string };
  readonly exit: Promise<number | null>;
}

function run(args: readonly string[], env: Record<string, string> = {}, file = cli): Run {
  const { PATH = "" } = process.env;
  const child = spawn(process.execPath, [file, ...args], { env: { PATH, ...env } });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => (output.stdout += String(chunk)));
  child.stderr.on("data", (chunk) => (output.stderr += String(chunk)));
  children.push(child);
  return { child, output, exit: once(child, "close").then(([code]) => code as number | null) };
}

async function start(args: readonly string[] = [], env: Record<string, string> = {}) {
  const started = run(["gateway", "--redis", `redis://127.0.0.1:${redis.port}`, "--port", "0", ...args], env);
  await expect.poll(() => started.output.stdout, { timeout: 10_000 }).toMatch(/\n$/);
  return { ...started, url: /^Gateway: (http:\S+)\n$/.exec(started.output.stdout)?.[1] ?? "" };
}

const ping = async (url: string) => (await fetch(`${url}/ping`, { headers: bearer })).text();

describe("redis-patterns gateway", () => {
  it("says where it listens, on the loopback interface, and serves", async () => {
    const { url, child, output, exit } = await start(["--token", token]);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(await ping(url)).toBe('{"result":"PONG"}');
    child.kill("SIGINT");
    expect(await exit).toBe(0);
    expect(output.stderr).toBe("");
  });

  it("takes the Redis and the token from the environment", async () => {
    const port = await freePort();
    const env = { REDIS_URL: `redis://127.0.0.1:${redis.port}`, UPSTASH_REDIS_REST_TOKEN: token, PORT: String(port) };
    const { child, output, exit } = run(["gateway"], env);
    await expect.poll(() => output.stdout, { timeout: 10_000 }).toBe(`Gateway: http://127.0.0.1:${port}\n`);
    expect(await ping(`http://127.0.0.1:${port}`)).toBe('{"result":"PONG"}');
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
  });

  it("takes several tokens, some of which only read", async () => {
    const second = `second-${token}`;
    const { url, child, exit } = await start(["--token", token, "--token", second, "--read-only-token", `r-${token}`]);
    const set = async (given: string) =>
      (await fetch(`${url}/set/x/1`, { headers: { authorization: `Bearer ${given}` } })).text();
    expect(await set(token)).toBe('{"result":"OK"}');
    expect(await set(second)).toBe('{"result":"OK"}');
    expect(await set(`r-${token}`)).toMatch(/NOPERM/);
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
  });

  it("answers what has begun before it ends, and nothing after", async () => {
    const { url, child, exit } = await start(["--token", token]);
    await ping(url);
    redis.pause();
    const answer = ping(url);
    await new Promise((resolve) => setTimeout(resolve, 200));
    child.kill("SIGTERM");
    await expect
      .poll(() =>
        fetch(url).then(
          () => "open",
          () => "closed",
        ),
      )
      .toBe("closed");
    redis.resume();
    expect(await answer).toBe('{"result":"PONG"}');
    expect(await exit).toBe(0);
  });

  it("starts without Redis, answers 503, and says when it is gone and back", async () => {
    const own = await startRedis();
    await own.kill();
    const { child, output, exit } = run([
      "gateway",
      "--redis",
      `redis://127.0.0.1:${own.port}`,
      "--port",
      "0",
      "--token",
      token,
    ]);
    await expect.poll(() => output.stderr, { timeout: 10_000 }).toBe("Redis is not reachable: ECONNREFUSED\n");
    const url = /http:\S+/.exec(output.stdout)?.[0] ?? "";
    expect(await ping(url)).toMatch(/^\{"error":"ERR Redis is unavailable; /);
    await own.restart();
    await expect.poll(() => output.stderr, { timeout: 15_000 }).toMatch(/\nRedis is reachable\n$/);
    expect(await ping(url)).toBe('{"result":"PONG"}');
    child.kill("SIGTERM");
    expect(await exit).toBe(0);
    await own.stop();
  });

  it("serves numbers beyond 2^53 exactly", async () => {
    const { url, child, exit } = await start(["--token", token]);
    const body = '[["SET","big",9007199254740992],["INCR","big"],["STRLEN","big"]]';
    const answer = await fetch(`${url}/pipeline`, { method: "POST", body, headers: bearer });
    expect(await answer.text()).toBe('[{"result":"OK"},{"result":"9007199254740993"},{"result":16}]');
    child.kill("SIGTERM");
    await exit;
  });
});

describe("wrong usage", () => {
  it.each([
    ["no token", ["gateway"], /a gateway needs a token/],
    ["an empty token", ["gateway", "--token", ""], /`tokens` must be/],
    ["a token with a space", ["gateway", "--token", "a b"], /`tokens` must be/],
    ["a port that is none", ["gateway", "--token", token, "--port", "http"], /--port must be/],
    ["a port out of range", ["gateway", "--token", token, "--port", "65536"], /--port must be/],
    ["a Redis that is no URL", ["gateway", "--token", token, "--redis", "localhost"], /--redis must be/],
    ["an unknown option", ["gateway", "--nope"], /unknown option '--nope'/],
    ["an unknown command", ["nope"], /unknown command 'nope'/],
    ["no command", [], /Usage: redis-patterns/],
  ])("%s: a message, the exit code 2, and nothing served", async (_, args, message) => {
    const { exit, output } = run(args);
    expect(await exit).toBe(2);
    expect(output.stderr).toMatch(message);
    expect(output.stdout).toBe("");
  });

  it("is no secret's way to the terminal", async () => {
    const { exit, output } = run(["gateway", "--token", "to ken", "--redis", "http://:password@host"]);
    expect(await exit).toBe(2);
    expect(output.stderr).not.toMatch(/password|to ken/);
  });

  it("--help exits with 0", async () => {
    const { exit, output } = run(["gateway", "--help"]);
    expect(await exit).toBe(0);
    expect(output.stdout).toMatch(/--read-only-token/);
  });

  it("warns of a token that can be guessed and of an address that others reach", async () => {
    const { child, exit, output } = await start(["--token", "short", "--host", "0.0.0.0"]);
    child.kill("SIGTERM");
    await exit;
    expect(output.stderr).toMatch(/warning: a token of less than 24 characters can be guessed/);
    expect(output.stderr).toMatch(/warning: other machines can reach this address/);
  });

  it("says that a port is taken, and exits with 1", async () => {
    const { url, child, exit } = await start(["--token", token]);
    const { exit: second, output } = run(["gateway", "--token", token, "--port", new URL(url).port]);
    expect(await second).toBe(1);
    expect(output.stderr).toMatch(/EADDRINUSE/);
    child.kill("SIGTERM");
    await exit;
  });

  it("says which package is missing where ioredis is not installed", async () => {
    const lonely = await mkdtemp(join(tmpdir(), "redis-patterns-"));
    const file = join(lonely, "cli.mjs");
    await bundle(file);
    const { exit, output } = run(["gateway", "--token", token], {}, file);
    expect(await exit).toBe(1);
    expect(output.stderr).toBe("error: The gateway needs the package ioredis: npm install ioredis\n");
    await rm(lonely, { recursive: true });
  });
});

it("the gateway itself is bundled without any package or node: module", async () => {
  const outfile = join(dir, "gateway.js");
  await build({
    entryPoints: [join(root, "src/gateway/index.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "neutral",
    logLevel: "error",
  });
  expect(await readFile(outfile, "utf8")).not.toMatch(/\bimport\b|\brequire\(|\bBuffer\b|\bprocess\./);
});
